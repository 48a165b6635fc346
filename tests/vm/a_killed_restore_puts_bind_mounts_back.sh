# A restore is killed after it has taken down the bind mounts of the data, before and after the swap. The next start
# puts them back, and nothing is left read-only, although a shell stands in what was replaced.

sonarr_with 'The Expanse'
backup_sonarr
declare_sonarr 'tiers = ["restic"]'
reload
mkdir /srv/look
mount --bind /var/lib/sonarr /srv/look
mount -o remount,bind,nosuid /srv/look
zfs_can_stop
killed_at() { # PATTERN: when `zfs` is called so
    find /var/lib/sonarr -mindepth 1 -delete
    (cd /var/lib/sonarr && exec sleep infinity) &
    eventually stands_in $! /var/lib/sonarr
    stop_zfs_at "$1"
    systemctl start --no-block preseed-sonarr
    zfs_has_stopped
    assert_exists /run/preseed/binds/sonarr
    ! mountpoint -q /srv/look || fail 'the bind mount is there still'
    systemctl kill --signal=KILL preseed-sonarr
    eventually systemctl is-failed preseed-sonarr
    systemctl reset-failed
}
for step in "rename -u $DATASET *" "rename *:preseed-staging $DATASET" "set canmount=on $DATASET" "program tank - $DATASET *"; do
    killed_at "$step"
    starts_with 'The Expanse'
    assert_eq "$(stat -c %d:%i /var/lib/sonarr)" "$(stat -c %d:%i /srv/look)" "what is mounted after $step"
    assert_contains "$(findmnt -n -o OPTIONS /srv/look)" nosuid
    assert_absent /run/preseed/binds/sonarr
    assert_properties "$DATASET" canmount=on preseed:kept=- mounted=yes
    touch /var/lib/sonarr/new
    kill %%
    wait
done
