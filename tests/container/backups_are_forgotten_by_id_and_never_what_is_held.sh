# Of exactly this host, this path and all tags, what `keep` does not keep is forgotten: nothing of another machine that has
# the same tags, and nothing of another service. Never more than half at once, and nothing while the service's data is
# gone. A machine that may only add to the repository forgets nothing. `preseedctl repository` makes, lists and checks one.

declare_default_host
password_file
declare_sonarr
sed -i 's/repository = "local"/&\nschedule = "daily"\nkeep = { last = 2 }/' /etc/preseed/services/sonarr.toml
reload
mkdir "$REPOSITORY"
assert_exit 1 preseedctl repository list local
assert_contains "$output" 'repository local: there is no repository at its address'
rmdir "$REPOSITORY"
assert_exit 1 preseedctl repository maintain typo
assert_contains "$output" 'repository typo: none of this name is declared'
mv "$PASSWORD_FILE" "$PASSWORD_FILE.away"
assert_exit 1 systemctl start maintain-repository-local
assert_journal maintain-repository-local.service "secrets/local: it is missing"
mv "$PASSWORD_FILE.away" "$PASSWORD_FILE"
repository_init
assert_exit 1 preseedctl repository init local
assert_contains "$output" 'repository local: it is there already'
systemctl start sonarr
add_series 'The Expanse'
assert_exit 1 preseedctl repository check local
assert_contains "$output" 'sonarr: there is no backup of it'

store() { # HOST TIME
    in_repository backup --quiet --host "$1" --tag sonarr,media,database --time "$2" /var/lib/sonarr
}
at() { # HOST DAY...
    printf "$1\n2025-01-%sT00:00:00Z\n" "${@:2}"
}
store "$(hostname)" '2025-01-01 00:00:00'
mapfile -t others < <(at "$(hostname)" 02 03; at elsewhere 01 02 03)
store_again "${others[@]}"
in_repository backup --quiet --host "$(hostname)" --tag radarr --time '2025-01-01 00:00:00' /var/lib/sonarr
assert_contains "$(in_repository snapshots)" '2025-01-01'

# No backup of ours has proved itself: nothing is forgotten.
systemctl start maintain-repository-local
assert_journal maintain-repository-local.service 'sonarr: 0 of 3 backups forgotten; held: no backup of it has proved itself yet'
systemctl start backup-sonarr
systemctl start maintain-repository-local
assert_journal maintain-repository-local.service 'sonarr: 2 of 4 backups forgotten'
assert_journal maintain-repository-local.service 'part 2 of 52 of its data was read and is sound'
assert_eq 6 "$(in_repository list snapshots | wc -l)"
assert_eq 3 "$(in_repository snapshots --json --host elsewhere | grep -o '"short_id"' | wc -l)"

# More than half.
mapfile -t others < <(at "$(hostname)" 04 05 06)
store_again "${others[@]}"
sed -i 's/last = 2/last = 1/' /etc/preseed/services/sonarr.toml
assert_exit 1 systemctl start maintain-repository-local
assert_status maintain-repository-local.service 'sonarr: `keep` would forget 4 of its 5 backups at once: .*`preseedctl repository maintain local --yes`'
assert_eq 9 "$(in_repository list snapshots | wc -l)"

# Whether it is kept down cannot be told: that is an answer to nothing.
ln -s /bin/false /var/tmp/systemctl
assert_exit 1 env PATH="/var/tmp:$PATH" preseedctl repository maintain local --yes
assert_contains "$output" 'systemd: `systemctl show '
assert_lacks "$output" 'held'

# The newest one could not be restored when that was tried.
checked_by() { # PROGRAM
    mkdir -p /etc/preseed/services/sonarr.toml.d
    printf '[preseed]\nverify = [{ command = ["%s"] }]\n' "$1" >/etc/preseed/services/sonarr.toml.d/checked.toml
}
checked_by /bin/false
assert_exit 1 preseedctl drill sonarr
# No sample ends what a drill of all has shown.
assert_matches "$(</var/lib/preseed/drills/sonarr.json)" '"of-a-part": ?false'
assert_exit 0 preseedctl repository maintain local --yes
assert_contains "$output" 'sonarr: 0 of 5 backups forgotten; held: the last drill of sonarr from repository local failed ('
# That no check is declared any more proves nothing.
rm -r /etc/preseed/services/sonarr.toml.d
assert_exit 0 preseedctl repository maintain local --yes
assert_contains "$output" 'sonarr: 0 of 5 backups forgotten; held: the last drill'
assert_exit 0 preseedctl drill sonarr

# Its data is gone.
systemctl stop sonarr
mkdir /var/tmp/data
cp -a /var/lib/sonarr/. /var/tmp/data
lose_data /var/lib/sonarr
assert_exit 0 preseedctl repository maintain local --yes
assert_contains "$output" 'sonarr: 0 of 5 backups forgotten; held: sonarr: '
systemctl start sonarr
assert_series 'The Expanse'

# The last good one is held, although others made newer ones.
good=$(in_repository snapshots --json --host "$(hostname)" --tag sonarr --latest 1 | sed -E 's/.*"id":"([0-9a-f]{64})".*/\1/')
store "$(hostname)" '2029-01-01 00:00:00'
assert_exit 0 preseedctl repository maintain local --yes
in_repository cat snapshot "$good" >/dev/null
assert_eq 2 "$(in_repository snapshots --json --host "$(hostname)" --tag sonarr | grep -o '"short_id"' | wc -l)"
assert_contains "$output" 'held: the last good one is held'

printf 'append-only = true\n' >>/etc/preseed/preseed.toml
store_again "${others[@]}"
assert_exit 0 preseedctl repository maintain local --yes
assert_contains "$output" 'nothing is forgotten and pruned from here'
assert_eq 5 "$(in_repository snapshots --json --host "$(hostname)" --tag sonarr | grep -o '"short_id"' | wc -l)"
assert_exit 0 preseedctl check
assert_matches "$output" 'warning: `keep` in \[backup\]: this machine may only add to repository local'
assert_exit 0 preseedctl repository check local
assert_contains "$output" 'sonarr: the newest backup is of '
