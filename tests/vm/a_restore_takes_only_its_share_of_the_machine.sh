# Restores run in a slice that goes after everything else on the machine, with a part of its memory. What needs more
# is ended. The service stays down and says so, and the next start restores.

declare_default_host
repository_init
declare_sonarr 'tiers = ["restic"]'
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
head -c 20000000 /dev/urandom >/var/lib/sonarr/large
backup_sonarr

for helper in dataset-sonarr preseed-sonarr; do
    assert_eq storage-preseed.slice "$(systemctl show --property=Slice --value "$helper")" "where $helper runs"
done
assert_eq 20 "$(cat /sys/fs/cgroup/storage.slice/cpu.weight)"
assert_eq 100 "$(cat /sys/fs/cgroup/system.slice/cpu.weight)"
total=$(awk '/^MemTotal:/ { print $2 * 1024 }' /proc/meminfo)
limit=$(cat /sys/fs/cgroup/storage.slice/storage-preseed.slice/memory.max)
((limit > total / 2 && limit < total)) || fail 'the memory of all restores' "total: $total" "limit: $limit"

lose_data /var/lib/sonarr
mkdir /run/systemd/system/preseed-sonarr.service.d
printf '[Service]\nMemoryHigh=infinity\nMemoryMax=16M\nMemorySwapMax=0\n' \
    >/run/systemd/system/preseed-sonarr.service.d/little.conf
reload
assert_exit 1 systemctl start sonarr
assert_not_active sonarr.service
assert_status preseed-sonarr.service 'Status: .*restic was killed: .*SIGKILL.*MemoryMax='

rm -r /run/systemd/system/preseed-sonarr.service.d
reload
systemctl start sonarr
assert_series 'The Expanse'
