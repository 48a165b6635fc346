# If the service's directory cannot be made what is declared, a plan says so in the same words as a start, and before
# anything else. The plan changes nothing.
# also: vm

# refuses REGEX: as the plan does, so the start.
refuses() {
    local planned
    assert_exit 1 preseedctl plan sonarr
    planned=$(grep -o 'outcome .*' <<<"$output")
    assert_matches "$planned" "$1"
    # It is the first line below the name.
    assert_matches "$(sed -n 2p <<<"$output")" '^  outcome '
    assert_refused sonarr "$1"
}

declare_default_host
repository_init
declare_sonarr
cat >>/etc/preseed/services/sonarr.toml <<'EOT'

[dataset]
owner = "nosuchuser"
EOT
reload
refuses 'nosuchuser'
sed -i 's/nosuchuser/sonarr/' /etc/preseed/services/sonarr.toml
rmdir /var/lib/sonarr || true

[[ -e /usr/sbin/zfs ]] || exit 0
# Files below the mountpoint, and another dataset that is still mounted there.
umount /var/lib/sonarr 2>/dev/null || true
! zfs list tank/services/sonarr 2>/dev/null || zfs destroy tank/services/sonarr
mkdir -p /var/lib/sonarr
touch /var/lib/sonarr/sonarr.db
refuses 'holds files .*: if they are the service.s data: `mv ./var/lib/sonarr. ./var/lib/sonarr.before.`'
assert_exit 1 zfs list tank/services/sonarr
rm /var/lib/sonarr/sonarr.db
zfs create -o mountpoint=/var/lib/sonarr tank/old
refuses 'zfs `tank/old` is mounted there, not tank/services/sonarr'
zfs destroy tank/old
systemctl start sonarr
