# While a restore takes its time, `systemctl status` shows how far it is, and no process, unit or
# journal shows the repository's password.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
head -c 40000000 /dev/urandom >/var/lib/sonarr/large
backup_sonarr
lose_data /var/lib/sonarr
# A part of the repository that gives no answer: whoever opens the pipe waits.
pack=$(find "$REPOSITORY/data" -type f -size +1M -print -quit)
mv "$pack" /var/tmp/pack
mkfifo "$pack"

systemctl start --no-block sonarr.service
shows_progress() {
    unit_status preseed-sonarr.service | grep -E 'Status: "restoring sonarr from .*: [1-9][0-9]?%, .* of 38\.[0-9]+ MiB, .*/s, .* left"'
}
eventually shows_progress

password=$(cat "$PASSWORD_FILE")
# Some end meanwhile.
arguments=$({ cat /proc/[0-9]*/cmdline 2>/dev/null || true; } | tr '\0' ' ')
assert_contains "$arguments" 'restic restore'
assert_lacks "$arguments" "$password" 'the arguments of all processes'
assert_lacks "$(systemctl show '*')" "$password" 'systemctl show'
assert_lacks "$(systemctl cat dataset-sonarr.service preseed-sonarr.service)" "$password" 'systemctl cat'
assert_lacks "$(journalctl --boot --output=export)" "$password" 'the journal'

# That read ends, and restic's next attempt finds the pack.
ln "$pack" /var/lib/pipe
mv /var/tmp/pack "$pack"
: >/var/lib/pipe
eventually systemctl is-active sonarr.service
assert_series 'The Expanse'
