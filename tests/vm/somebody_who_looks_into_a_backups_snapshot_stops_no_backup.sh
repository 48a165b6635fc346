# A backup is made from a snapshot, which goes once it is made. Somebody who has a file of that snapshot open keeps the
# kernel from destroying it: neither this backup nor the next one fails for that, the next one says so, and the snapshot goes later.

declare_default_host
repository_init
declare_sonarr
cat >/usr/local/bin/look <<'EOT2'
#!/bin/bash
# Run while the snapshot is there: no backup is made from it before this ends. Where both mount it at the same moment, whoever
# looks may find it empty.
systemd-run --quiet --unit=looks bash -c \
    'exec 9</var/lib/sonarr/.zfs/snapshot/preseed-backup-*/sonarr.db && touch /run/looks && exec sleep infinity'
until [[ -e /run/looks ]] || systemctl is-failed --quiet looks; do
    sleep 0.1
done
EOT2
chmod +x /usr/local/bin/look
sed -i 's,repository = "local",&\nschedule = "daily"\nafter = ["/usr/local/bin/look"],' /etc/preseed/services/sonarr.toml
reload
systemctl start sonarr
add_series 'The Expanse'
of_backups() { zfs list -H -t snapshot -o name "$DATASET" | grep -c '@preseed-backup-' || true; }

assert_exit 0 systemctl start backup-sonarr
assert_active looks
assert_eq 1 "$(of_backups)"
sed -i '/^after/d' /etc/preseed/services/sonarr.toml
assert_exit 0 systemctl start backup-sonarr
assert_eq 2 "$(in_repository list snapshots | wc -l)"
assert_eq 1 "$(of_backups)"
assert_journal backup-sonarr.service 'backed up .*; 1 snapshot of earlier backups cannot be destroyed, as somebody uses what is in them: .*fuser'

systemctl stop looks
assert_exit 0 systemctl start backup-sonarr
assert_eq 0 "$(of_backups)"
