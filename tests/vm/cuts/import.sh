# What an admin does after a power cut while ZFS was importing pools at a boot. ZFS writes zpool.cache after each pool, and so
# forgets those that it had not come to. A service that needs one stays down, and says so.

set -eu
forgotten=
for pool in tank vault; do
    zpool list "$pool" &>/dev/null && continue
    zpool import "$pool"
    forgotten+=" $pool"
done
if [[ -n $forgotten ]]; then
    echo "ZFS had forgotten at a cut, and this has imported:$forgotten"
    systemctl reset-failed
    systemctl start sonarr
fi
