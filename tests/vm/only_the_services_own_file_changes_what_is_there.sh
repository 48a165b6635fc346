# Defaults, a template and preseed.toml decide what new datasets are like, and change no existing one: not its place,
# record size, compression, canmount, owner, group or mode. The service runs on the dataset where it is, restores
# included, and `check` reports the difference. A line of the service's own file is applied at the next start, and
# reported with the old value.

declare_default_host
repository_init
printf 'u app 700 -\n' | systemd-sysusers -
cat >/etc/systemd/system/app.service <<'EOT'
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'cat "$$(readlink /run/preseed/mountpoint/app || echo /data/app)/file" >/run/saw'
EOT
zfs create -o mountpoint=none tank/services
zfs create -o mountpoint=/data/app -o canmount=noauto -o recordsize=1M -o compression=off tank/services/app
zfs mount tank/services/app
chown app:app /data/app
chmod 0705 /data/app
echo data >/data/app/file
mkdir -p /etc/preseed/catalog /etc/preseed/services
cat >/etc/preseed/catalog/app.toml <<'EOT'
[dataset]
recordsize = "16K"
mountpoint = "/var/lib/app"
owner = "sonarr"
mode = "0700"
EOT
echo '[preseed]' >/etc/preseed/services/app.toml
reload

as_it_was() {
    assert_properties tank/services/app mountpoint=/data/app canmount=noauto recordsize=1048576 compression=off mounted=yes
    assert_eq 'app:app 705' "$(stat -c '%U:%G %a' /data/app)"
    assert_absent /srv/app /var/lib/app
}
for declaration in '[preseed]' 'template = "app"'; do
    echo "$declaration" >/etc/preseed/services/app.toml
    reload
    rm -f /run/saw
    systemctl start app
    assert_eq data "$(cat /run/saw)"
    as_it_was
done
sed -i 's|^\[storage\]|&\nmount-base = "/elsewhere"|' /etc/preseed/preseed.toml
echo '[preseed]' >/etc/preseed/services/app.toml
reload
systemctl start app
as_it_was
assert_exit 0 preseedctl check
assert_matches "$output" 'app: mountpoint is /data/app and stays so, although preseed.toml says /elsewhere/app: .*write mountpoint'
echo 'template = "app"' >/etc/preseed/services/app.toml
reload
assert_exit 0 preseedctl check
assert_matches "$output" 'recordsize is 1048576 and stays so, although its template says 16384'
assert_matches "$output" 'owner is '

# Not mounted, as after a boot, it is mounted where it was; emptied, it is restored there.
umount /data/app
systemctl start app
as_it_was
zfs snapshot tank/services/app@good
rm /data/app/file
zfs snapshot tank/services/app@empty
systemctl start app
assert_eq data "$(cat /run/saw)"
assert_properties tank/services/app mountpoint=/data/app recordsize=1048576 compression=off mounted=yes
assert_eq 'app:app 705' "$(stat -c '%U:%G %a' /data/app)"
assert_absent /var/lib/app
assert_journal preseed-app 'restored by snapshot from tank/services/app@good'

# A line of its own.
cat >/etc/preseed/services/app.toml <<'EOT'
template = "app"
[dataset]
mountpoint = "/var/lib/app"
mode = "0750"
EOT
reload
systemctl start preseed-app
assert_properties tank/services/app mountpoint=/var/lib/app recordsize=1048576 compression=off mounted=yes
assert_eq 'app:app 750' "$(stat -c '%U:%G %a' /var/lib/app)"
assert_journal dataset-app '^app: mountpoint=/var/lib/app .was /data/app.$'
assert_journal dataset-app '^app: mode 0750 .was 0705.$'
assert_eq data "$(cat /var/lib/app/file)"

# What is new is as it is declared.
kept_datasets | xargs -rn 1 zfs destroy -r
zfs destroy -r tank/services/app
preseedctl forget --yes app
systemctl start preseed-app
assert_properties tank/services/app mountpoint=/var/lib/app canmount=on recordsize=16384 compression=lz4
assert_eq 'sonarr:root 750' "$(stat -c '%U:%G %a' /var/lib/app)"
