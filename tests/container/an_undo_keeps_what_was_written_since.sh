# A directory: `preseedctl restore` replaces it with what restic has, `preseedctl undo` brings back what was there and keeps
# what was written since, and another undo brings that back. A unit that --stop has stopped starts again, also when nothing is
# restored. Where nothing was replaced, that is said.

# Started as often as this scenario does it, systemd starts it no more.
undo() {
    systemctl reset-failed sonarr
    preseedctl undo sonarr --stop --yes
}
restore() {
    systemctl reset-failed sonarr
    preseedctl restore sonarr --stop --yes
}

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
for nothing in sonarr nosuch; do
    assert_exit 1 preseedctl undo "$nothing" --yes
done
add_series 'The Expanse'
systemctl restart sonarr
assert_exit 1 preseedctl undo sonarr --yes
assert_contains "$output" 'sonarr: no restore has replaced anything: its data was there, or it started empty'
backup_sonarr
add_series 'Severance'

assert_exit 0 restore
assert_eq '`preseedctl undo sonarr` brings it back' "${output##*; }" 'the last line'
assert_active sonarr.service
assert_series 'The Expanse'
add_series 'Firefly'
assert_exit 1 preseedctl undo sonarr --yes
assert_contains "$output" 'sonarr: sonarr.service must be stopped first'
assert_exit 0 undo
assert_matches "$output" '^  written   since the restore [0-9]+ files?, .*sonarr.db'
assert_series 'The Expanse' 'Severance'
assert_active sonarr.service
assert_eq 1 "$(ls -dA /var/lib/.sonarr:preseed-kept-* | wc -l)"
assert_exit 1 getfattr --only-values -n trusted.preseed.kept /var/lib/sonarr
assert_exit 0 undo
assert_series 'The Expanse' 'Firefly'
assert_exit 0 preseedctl kept
assert_matches "$output" '-before-undo$'

# The service's user puts another directory in the place of what is kept: nothing of it comes back.
kept=$(ls -dA /var/lib/.sonarr:preseed-kept-*)
mv "$kept" /var/lib/aside
cp -a /var/lib/aside "$kept"
assert_exit 1 undo
assert_contains "$output" 'is not kept: there was nothing, or it was released'
assert_active sonarr.service
rm -r "$kept"
mv /var/lib/aside "$kept"
# Somebody uses it.
sleep infinity <"$kept/sonarr.db" &
user=$!
eventually test "/proc/$user/fd/0" -ef "$kept/sonarr.db"
assert_exit 1 undo
assert_matches "$output" 'uses it'
kill "$user"
wait "$user" || true
assert_active sonarr.service
assert_series 'The Expanse' 'Firefly'

# The repository is away: nothing is changed, and the service runs again.
mv "$REPOSITORY" "$REPOSITORY.away"
assert_exit 1 restore
assert_contains "$output" 'there is no repository at its address'
assert_active sonarr.service
assert_exit 1 preseedctl list sonarr
assert_contains "$output" 'repository local could not be asked: '
mv "$REPOSITORY.away" "$REPOSITORY"
assert_exit 0 undo
assert_series 'The Expanse' 'Severance'
assert_exit 0 preseedctl release --yes sonarr
assert_exit 1 preseedctl undo sonarr --yes
assert_contains "$output" 'is not kept: there was nothing, or it was released: `preseedctl kept` lists what is kept'
