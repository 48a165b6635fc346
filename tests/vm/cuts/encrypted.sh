# The dataset is the root of its own encryption, with its key in a file that is read at boot; its data is removed, and
# snapshots were taken since. A promoted clone takes over the root, and the kernel forgets the key.
echo 'correct horse' >/etc/preseed/key
cat >/etc/systemd/system/keys.service <<EOT
[Unit]
DefaultDependencies=no
After=zfs-import.target
Before=zfs-mount.service

[Service]
Type=oneshot
ExecStart=/usr/sbin/zfs load-key -a

[Install]
WantedBy=zfs.target
EOT
systemctl enable --quiet keys.service
umount /var/lib/sonarr
zfs rename tank/services/sonarr tank/services/clear
zfs snapshot tank/services/clear@good
zfs send tank/services/clear@good | zfs receive -o encryption=aes-128-gcm -o keyformat=passphrase -o pbkdf2iters=100000 \
    -o keylocation=file:///etc/preseed/key -o mountpoint=/var/lib/sonarr -o overlay=off -o acltype=posix -o xattr=sa \
    tank/services/sonarr
zfs destroy -r tank/services/clear
lose_data /var/lib/sonarr
zfs snapshot tank/services/sonarr@empty
