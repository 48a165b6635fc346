# A real PostgreSQL cluster as a service: its dataset is lost, and comes back by clone, then by restic, before
# the server starts. What was committed before the snapshot is there.

declare_default_host
repository_init
declare_postgresql
reload
systemctl start preseed-postgresql
assert_properties tank/services/postgresql recordsize=8192 compression=lz4
pg_createcluster "$version" main >/dev/null
systemctl start "$unit"
sql 'create table photos (name text)'
sql "insert into photos values ('the first day of school')"
zfs snapshot tank/services/postgresql@live
systemctl stop "$unit"
backup "$data" postgresql
find "$data" -mindepth 1 -delete
zfs snapshot tank/services/postgresql@empty
systemctl start "$unit"
assert_eq 'the first day of school' "$(sql 'select name from photos')"
assert_journal preseed-postgresql.service 'restored by snapshot from tank/services/postgresql@live'
systemctl stop "$unit"
zfs list -H -r -o name tank/services | tac | grep /postgresql | xargs -n 1 zfs destroy -r -f

#: reboot
version=$(ls /usr/lib/postgresql)
systemctl start "postgresql@$version-main.service"
assert_eq 'the first day of school' "$(sql 'select name from photos')"
assert_journal preseed-postgresql.service 'restored by restic'
assert_properties tank/services/postgresql recordsize=8192 compression=lz4
