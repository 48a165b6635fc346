# A quadlet's named volume: its dataset is mounted where Podman keeps it. It is lost, and Podman knows nothing of the volume any
# more, so it makes it anew and gives the directory to root. The data is restored before the container starts, and belongs
# to its user; nothing of the image is copied over it.
# needs: quadlet

declare_default_host
declare_vault
mkdir -p /var/tmp/tree/data /etc/containers/systemd
cp /usr/lib/preseed-tests/sonarr /var/tmp/tree/
echo 'from the image' >/var/tmp/tree/data/readme
chown -R sonarr:sonarr /var/tmp/tree/data
tar --create --directory=/var/tmp/tree . |
    podman import --quiet --change 'ENTRYPOINT ["/sonarr"]' - localhost/sonarr:pilot
printf '[Volume]\n' >/etc/containers/systemd/notes.volume
cat >/etc/containers/systemd/notes.container <<EOT
[Container]
Image=localhost/sonarr:pilot
Pull=never
Exec=serve --data /data --listen 127.0.0.1:8989
Network=host
User=$(id -u sonarr)
Group=$(id -g sonarr)
Volume=notes.volume:/data
Notify=true
[Service]
TimeoutStartSec=300
EOT
place=/var/lib/containers/storage/volumes/systemd-notes/_data
declare_service notes <<EOT
[dataset]
mountpoint = "$place"
owner = "sonarr"
group = "sonarr"
mode = "0700"
[preseed]
expect = ["sonarr.db"]
EOT
reload
systemctl start notes
add_series 'The Expanse'
systemctl stop notes
rm "$place/readme"
zfs snapshot tank/services/notes@good
zfs send tank/services/notes@good | zfs receive -u vault/services/notes
umount "$place"
zfs destroy -r tank/services/notes
podman volume rm -f systemd-notes
systemctl stop notes-volume

#: reboot

place=/var/lib/containers/storage/volumes/systemd-notes/_data
systemctl start notes
assert_series 'The Expanse'
assert_eq 'sonarr:sonarr 700' "$(stat -c '%U:%G %a' "$place")"
assert_absent "$place/readme"
assert_journal preseed-notes.service 'restored by snapshot from vault/services/notes@good'
