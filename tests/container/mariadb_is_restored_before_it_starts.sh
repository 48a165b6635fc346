# Debian's MariaDB as the catalog has it, declared in two lines, backed up as a power cut left it: what was committed is
# there after its directory was lost.
# packages: mariadb-server

declare_default_host
repository_init
declare_of_catalog mariadb
reload
installed
systemctl enable --quiet --now mariadb
mariadb --execute "create database school; create table school.photos (name text)"
mariadb --execute "insert into school.photos values ('the first day of school')"
systemctl mask --quiet --runtime mariadb
systemctl kill --signal=KILL mariadb
eventually eval '[[ $(unit_state mariadb) == failed ]]'
backup_as_declared mariadb
lose_data /var/lib/mysql

#: reboot
assert_active mariadb.service
assert_eq 'the first day of school' "$(mariadb --skip-column-names --execute 'select name from school.photos')"
assert_journal preseed-mariadb.service 'restored by restic'
