# Debian's Redis as the catalog has it, declared in two lines: what was written is there after its directory was lost. A
# dump that was cut off is passed over.
# packages: redis-server

declare_default_host
repository_init
declare_of_catalog redis
reload
installed
systemctl enable --quiet --now redis-server
redis-cli set photo 'the first day of school' >/dev/null
systemctl stop redis-server
backup_as_declared redis
truncate -s -20 /var/lib/redis/dump.rdb
backup_as_declared redis
lose_data /var/lib/redis

#: reboot
assert_active redis-server.service
assert_eq 'the first day of school' "$(redis-cli get photo)"
assert_journal preseed-redis.service 'passed over .*redis-check-rdb'
assert_journal preseed-redis.service 'restored by restic'
