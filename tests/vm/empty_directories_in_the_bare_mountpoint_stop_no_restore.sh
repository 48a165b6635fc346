# At each boot tmpfiles makes directories where the service's data is kept, and the dataset is gone: they lie in the bare
# mountpoint before anything can be mounted there. They are empty, so the dataset is restored above them. A file at any
# depth, or something that is mounted there, is not hidden.

sonarr_with 'The Expanse'
cat >/etc/tmpfiles.d/sonarr.conf <<'EOT'
d /var/lib/sonarr 0700 sonarr sonarr -
d /var/lib/sonarr/logs 0750 sonarr sonarr -
d /var/lib/sonarr/logs/old 0750 sonarr sonarr -
d /var/lib/sonarr/Backups 0750 sonarr sonarr -
EOT
zfs snapshot "$DATASET@good"
replicate "$DATASET@good"
destroy_sonarr

#: reboot

eventually systemctl is-active sonarr
assert_series 'The Expanse'

systemctl stop sonarr
umount /var/lib/sonarr
assert_exists /var/lib/sonarr/logs/old
touch /var/lib/sonarr/logs/old/sonarr.txt
assert_refused sonarr '/var/lib/sonarr: holds files .`logs/old/sonarr.txt`. that mounting would hide'
rm /var/lib/sonarr/logs/old/sonarr.txt
mount -t tmpfs none /var/lib/sonarr/Backups
assert_refused sonarr '/var/lib/sonarr: holds files .`/var/lib/sonarr/Backups`. that mounting would hide'
umount /var/lib/sonarr/Backups
starts_with 'The Expanse'
