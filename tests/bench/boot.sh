# shellcheck shell=bash
# Boots of a machine with forty services of the catalog: with and without preseed, and with half of their data lost.

. /usr/lib/preseed-tests/catalog.sh

prepare() {
    forty_of_the_catalog
}

# boot NAME: says when systemd had nothing more to start, and the most memory that preseed's helpers had.
boot() {
    local peak
    mapfile -t units </root/units
    assert_active "${units[@]}"
    printf '#sample %s %d\n' "$1" "$(systemctl show --property=FinishTimestampMonotonic --value)"
    peak=$(cat /sys/fs/cgroup/storage.slice/storage-preseed.slice/memory.peak 2>/dev/null) || return 0
    printf '#fact %s %d MB\n' "$1" $((peak >> 20))
}

# After a boot with all data.
with_data() {
    boot with-data
    ln -s /dev/null /etc/systemd/system-generators/preseed-generator
}

# The same datasets are mounted by ZFS, the same services start.
without_preseed() {
    boot without-preseed
    rm /etc/systemd/system-generators/preseed-generator
    reload
    destroy_twenty
}

destroyed() {
    boot destroyed
    twenty_are_restored
}
