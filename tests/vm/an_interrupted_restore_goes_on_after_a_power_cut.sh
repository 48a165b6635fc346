# The power goes in the middle of a restic restore. Nothing of it is in the dataset's place, nobody mounts the
# half-restored dataset, and the next boot ends as an undisturbed restore does.
# needs: restic >= 0.17

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
head -c 60000000 /dev/urandom >/var/lib/sonarr/large
fingerprint /var/lib/sonarr >/var/tmp/before
backup_sonarr
umount /var/lib/sonarr
zfs destroy -r tank/services/sonarr
sync
half_done() {
    # Only restic and the helper see it.
    compgen -G "/proc/$(pgrep -xo restic)/root/run/preseed/private/staged/.preseed-restic/var/lib/sonarr/large" >/dev/null
}
# A quick machine would have restored all of it before anybody has looked: restic works a quarter of the time, and a twentieth
# once it has begun.
slow_down_restic() {
    local pause=0.06
    while sleep 0.02; do
        pkill -STOP -x restic || continue
        ! half_done || pause=0.4
        sleep "$pause"
        pkill -CONT -x restic || true
    done
}
slow_down_restic &
systemctl start --no-block sonarr
# As `systemctl status` shows it: percent, bytes, rate, time left.
in_progress() {
    systemctl show --property=StatusText --value preseed-sonarr |
        grep -E '^restoring sonarr from .*: [0-9]+%, .* of .*, .*/s, .* left$'
}
half_done_and_told() {
    in_progress && half_done
}
eventually half_done_and_told
kill $!
zpool sync

#: power-cut
assert_active sonarr.service
assert_series 'The Expanse'
assert_same_tree /var/tmp/before /var/lib/sonarr
assert_exit 1 zfs list tank/services/sonarr:preseed-staging
assert_mark tank/services/sonarr restic
