# Another service has the directory mounted in a mount namespace of its own, as containers do, and can write to it. It
# would go on writing into what a restore replaces. The service stays down, the message says what to restart, and
# nothing is changed. A mount that can only be read stops nothing.
# also: vm

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
declare_sonarr 'tiers = ["restic"]'
reload
backup_sonarr
another() { # UNIT LINE...: with a private copy of all mounts, and these
    local unit=$1
    shift
    {
        printf '[Service]\nType=exec\nPrivateMounts=yes\nMountFlags=private\n'
        printf '%s\n' "$@" 'ExecStart=sleep infinity'
    } >"/etc/systemd/system/$unit"
}
mkdir -p /data /look
another browser.service BindPaths=/var/lib/sonarr:/data
another reader.service BindReadOnlyPaths=/var/lib/sonarr:/look
reload
systemctl start browser reader
lose_data /var/lib/sonarr
mkdir -p /var/lib/sonarr
before=$(stat -c %d:%i /var/lib/sonarr)
# Only a mount of its own is in the way: of a directory that is gone there is none.
if [[ $(findmnt -n -o FSTYPE /var/lib/sonarr) == zfs ]]; then
    assert_refused sonarr 'browser.service \(process [0-9]+, sleep\) at /data.*systemctl restart browser.service'
    assert_eq "$before" "$(stat -c %d:%i /var/lib/sonarr)" 'what is mounted there'
    assert_properties "$DATASET" canmount=on preseed:kept=- org.openzfs.systemd:ignore=-
    touch /var/lib/sonarr/writable
    rm /var/lib/sonarr/writable
    assert_eq '' "$(kept_datasets)"
else
    systemctl restart browser reader
    assert_refused sonarr 'browser.service \(process [0-9]+, sleep\) at /data.*systemctl restart browser.service'
    assert_eq "$before" "$(stat -c %d:%i /var/lib/sonarr)" 'what is there'
    assert_exit 1 compgen -G '/var/lib/.sonarr:preseed-kept-*'
fi
systemctl stop browser
systemctl reset-failed
systemctl start sonarr
assert_series 'The Expanse'
assert_journal preseed-sonarr.service 'still mounted elsewhere: .*reader.service'
# It keeps what it has: that is not removed below it.
kept=$(preseedctl kept --json | sed -n 's/.*"name": "\(.*\)",/\1/p' | tail -n 1)
assert_exit 1 preseedctl release "$kept"
assert_matches "$output" 'it is mounted: reader.service .* at /look'
systemctl stop reader
assert_exit 0 preseedctl release --yes "$kept"
