# shellcheck shell=bash disable=SC2154
# A backup was interrupted: what was last known to be good is in the repository. The next one ends well, is found, and leaves
# nothing else.

assert_active sonarr.service
good=$(sed -n '/"good": {/,/}/s/.*"snapshot": "\(.*\)".*/\1/p' /var/lib/preseed/protection/sonarr.json)
in_repository cat snapshot "$good" >/dev/null
again
newest=$(in_repository snapshots --json --tag sonarr --latest 1 | sed -E 's/.*"id":"([0-9a-f]{64})".*/\1/')
assert_contains "$(sed -n '/"good": {/,/}/p' /var/lib/preseed/protection/sonarr.json)" "$newest"
assert_lacks "$(zfs list -H -t all -o name)" 'preseed-backup'
assert_lacks "$(zfs list -H -o name)" preseed-drill
# The disk may have kept a lock of a dead process: it stops nothing.
assert_exit 0 preseedctl repository maintain local --yes
assert_eq '' "$(ls "$REPOSITORY/locks")"
