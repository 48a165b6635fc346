# The pool was imported with -R, for a rescue: ZFS puts every mountpoint below another directory. The service does not start on
# the empty directory where it looks, nothing is changed, and the status says what to do.

sonarr_with 'The Expanse'
zfs snapshot "$DATASET@good"
before=$(zfs get -H -o name,property,value,source all "$DATASET" | grep preseed:)
import() { # OPTION...
    ! mountpoint -q /var/lib/sonarr || umount /var/lib/sonarr
    zpool export tank
    zpool import -d /dev "$@" tank
}
import -R /alt
zfs mount -a
told="$DATASET: its pool was imported with an alternate root .altroot=/alt.*zpool import tank. without .-R"
assert_refused sonarr "$told"
assert_exit 1 preseedctl plan sonarr
assert_contains "$output" altroot=/alt
# Also where the service's own file says its place, and where there is no dataset.
declare_sonarr '[dataset]' 'mountpoint = "/var/lib/sonarr"'
reload
assert_refused sonarr "$told"
assert_eq "$before" "$(zfs get -H -o name,property,value,source all "$DATASET" | grep preseed:)"
zfs rename -u "$DATASET" tank/services/away
zfs set canmount=noauto tank/services/away
assert_refused sonarr "$told"
zfs rename -u tank/services/away "$DATASET"
zfs set canmount=on "$DATASET"

import
starts_with 'The Expanse'
