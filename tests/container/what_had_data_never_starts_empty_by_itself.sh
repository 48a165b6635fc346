# The data is gone with the directory and its mark, and the repository answers that it holds nothing. The service
# stays down, and says since when it had data and what the source answered. One record of two is enough. After
# `forget`, the service starts empty; so does one that is declared to, without a mark. A new host name or other tags
# are never a first start.
# also: vm

is_zfs() { command -v zpool >/dev/null && zpool list tank >/dev/null 2>&1; }
# Nothing is left: no directory, no dataset.
destroy() {
    if is_zfs; then destroy_sonarr; else rm -rf /var/lib/sonarr; fi
}
REMEMBERED='not started: .*, and it (may have )?had data since 20[0-9T:Z-]*, .*restic.*: nothing there.*preseedctl forget sonarr'

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
assert_journal preseed-sonarr 'a first start'
add_series 'The Expanse'
systemctl restart sonarr
systemctl stop sonarr
assert_eq '700' "$(stat -c %a /var/lib/preseed)"
assert_eq '600 root' "$(stat -c '%a %U' /var/lib/preseed/memory/sonarr)"

destroy
assert_refused sonarr "$REMEMBERED"
# Again, and after a boot.
assert_refused sonarr "$REMEMBERED"
sync

#: reboot
is_zfs() { command -v zpool >/dev/null && zpool list tank >/dev/null 2>&1; }
destroy() {
    if is_zfs; then destroy_sonarr; else rm -rf /var/lib/sonarr; fi
}
REMEMBERED='not started: .*, and it (may have )?had data since 20[0-9T:Z-]*, .*restic.*: nothing there.*preseedctl forget sonarr'
assert_not_active sonarr.service
assert_refused sonarr "$REMEMBERED"
assert_exit 1 preseedctl plan sonarr
assert_matches "$output" "$REMEMBERED"

# Whatever stands where the record was: garbage, nothing in it, a link to somebody else's, a pipe, a directory.
record=/var/lib/preseed/memory/sonarr
cp "$record" /var/tmp/record
for bad in garbage zero link pipe directory others; do
    rm -rf "$record"
    case $bad in
        garbage) head -c 100000 /dev/urandom >"$record" ;;
        zero) : >"$record" ;;
        link) ln -s /var/tmp/record "$record" ;;
        pipe) mkfifo "$record" ;;
        directory) mkdir "$record" ;;
        others) install -o sonarr -m 0666 /var/tmp/record "$record" ;;
    esac
    assert_refused sonarr 'not started: .*(had data since|its record cannot be read).*preseedctl forget sonarr'
done
rm -rf "$record"
if is_zfs; then
    assert_refused sonarr "$REMEMBERED"
    # What was received with another pool's record does not count, nor what cannot be read for nothing.
    assert_properties tank/preseed:memory canmount=off mountpoint=none mounted=no
    zfs set preseed:memory.sonarr="$(printf 'data at=\tx')" tank/preseed:memory
    assert_refused sonarr 'its record cannot be read'
fi
cp /var/tmp/record "$record"
assert_refused sonarr "$REMEMBERED"

# The admin's ways out.
declare_sonarr 'on-unavailable = "start-empty"'
starts_with
assert_journal preseed-sonarr 'starts empty, as on-unavailable declares: .*it had data since'
declare_sonarr
destroy
assert_refused sonarr "$REMEMBERED"
assert_exit 1 preseedctl forget sonarr </dev/null
assert_contains "$output" 'it had data since'
assert_refused sonarr "$REMEMBERED"
assert_exit 0 preseedctl forget --yes sonarr
cp /var/tmp/record "$record.older"
starts_with
assert_journal preseed-sonarr 'a first start'

# Of a service that never wrote anything, each start is its first; not once its place is gone.
systemctl stop sonarr
find /var/lib/sonarr -mindepth 1 -delete
assert_refused sonarr 'it may have had data since .*, when it was started empty'
assert_exit 0 preseedctl forget --yes sonarr
starts_with

assert_exit 1 preseedctl forget --yes sonar
assert_matches "$output" 'nothing is remembered'
assert_exit 1 preseedctl forget --yes ../sonarr
