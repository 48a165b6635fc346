# Somebody works on the repository and excludes all others. The restore waits, says for whom, and continues once the
# lock is given back, but it waits no longer than `stall-timeout`. A lock that nobody holds any more stops nothing.
# also: vm

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
head -c 20000000 /dev/urandom >/var/lib/sonarr/large
backup_sonarr
lose_data /var/lib/sonarr

lock_repository
systemctl start --no-block sonarr
waits() {
    unit_status preseed-sonarr.service |
        grep -E "Status: \"waiting: repository local is locked by process $holder on $(hostname) since "
}
eventually eval 'unit_status preseed-sonarr.service | grep -E "Status: \"(restoring|waiting)"'
eventually waits
kill -CONT "$holder"
eventually systemctl is-active sonarr.service
assert_series 'The Expanse'

systemctl stop sonarr
lose_data /var/lib/sonarr
lock_repository
# An emulated restic derives its key for longer than that.
if ! command -v zpool >/dev/null; then
    declare_sonarr 'stall-timeout = "2s"'
    assert_exit 1 systemctl start sonarr
    assert_status preseed-sonarr.service "Status: .*repository local: it is locked by process $holder on $(hostname) since .* see \`restic list locks\`"
    assert_journal preseed-sonarr.service 'unavailable: repository local: it is locked'
    assert_not_active sonarr.service
fi

kill -KILL "$holder"
wait "$holder" || true
systemctl start sonarr
assert_journal preseed-sonarr.service "locked by process $holder on $(hostname) since .*, which is gone: going on without a lock"
assert_series 'The Expanse'
