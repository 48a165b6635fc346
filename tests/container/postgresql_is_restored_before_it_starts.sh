# Debian's PostgreSQL as the catalog has it, declared in two lines, backed up as a power cut left it: what was committed
# is there after its directory was lost. A control file that is damaged is passed over.
# packages: postgresql

rm -rf /etc/postgresql
declare_default_host
repository_init
version=$(ls /usr/lib/postgresql | tail -n 1)
[[ $version == 17 ]] && template=postgresql || template=postgresql-$version
declare_of_catalog "$template"
# Debian's way to start it connects to it for two seconds more once it is ready, each half a second.
mkdir /etc/systemd/system/postgresql@.service.d
cat >/etc/systemd/system/postgresql@.service.d/start.conf <<'EOT'
[Service]
Type=exec
PIDFile=
ExecStart=
ExecStart=/usr/bin/pg_ctlcluster --skip-systemctl-redirect --foreground %i start
EOT
reload
installed
unit=postgresql@$version-main.service
systemctl start "preseed-$template"
install -d -o postgres -g postgres -m 3775 /var/log/postgresql
pg_createcluster "$version" main >/dev/null
systemctl enable --quiet --now "$unit"
eventually sql 'select 1'
sql 'create table photos (name text)'
sql "insert into photos values ('the first day of school')"
data=/var/lib/postgresql/$version/main
kill -KILL "$(head -n 1 "$data/postmaster.pid")"
eventually eval '! pgrep --uid postgres postgres'
backup_as_declared "$template"
printf 'not what it was' | dd of="$data/global/pg_control" bs=1 seek=64 conv=notrunc status=none
backup_as_declared "$template"
lose_data "$data"
echo "$template" >/root/template

#: reboot
read -r template </root/template
eventually sql 'select 1'
assert_eq 'the first day of school' "$(sql 'select name from photos')"
assert_journal "preseed-$template.service" 'passed over .*pg_controldata'
assert_journal "preseed-$template.service" 'restored by restic'
