# Debian's Syncthing as the catalog has it, declared in two lines: it is the same device to others after its directory
# was lost.
# packages: syncthing

declare_default_host
repository_init
declare_of_catalog syncthing
echo 'u syncthing - - /var/lib/syncthing' | systemd-sysusers -
mkdir -p /etc/systemd/system/syncthing@.service.d
cat >/etc/systemd/system/syncthing@.service.d/home.conf <<'EOT'
[Service]
ExecStart=
ExecStart=/usr/bin/syncthing serve --no-browser --no-restart --home=/var/lib/syncthing
EOT
device() {
    runuser -u syncthing -- syncthing --home=/var/lib/syncthing --device-id
}
reload
installed
systemctl enable --quiet --now syncthing@syncthing
eventually test -s /var/lib/syncthing/config.xml
device >/root/device
systemctl stop syncthing@syncthing
backup_as_declared syncthing
lose_data /var/lib/syncthing

#: reboot
assert_active syncthing@syncthing.service
assert_eq "$(cat /root/device)" "$(runuser -u syncthing -- syncthing --home=/var/lib/syncthing --device-id)"
assert_journal preseed-syncthing.service 'restored by restic'
