# From the look that finds nothing to lose until the rollback is done, nobody can write to the dataset, not even
# through another mount of it. If somebody has a file open for writing, the message names the process and nothing is
# rolled back. Readers, and a shell that stands in the directory, keep no service down.

sonarr_with 'The Expanse'
zfs snapshot "$DATASET@good"
zfs=$(command -v zfs)
mkdir -p /run/elsewhere
mount --bind /var/lib/sonarr /run/elsewhere
cat >/usr/local/sbin/zfs <<EOT
#!/bin/bash
if [[ \$1 == rollback ]]; then
    for place in /var/lib/sonarr /run/elsewhere; do
        echo 'copied back by hand' >\$place/sonarr.db
        mkdir \$place/new
    done 2>/run/told
fi
exec $zfs "\$@"
EOT
chmod +x /usr/local/sbin/zfs
lose_data /var/lib/sonarr
starts_with 'The Expanse'
assert_eq 4 "$(grep -c 'Read-only file system' /run/told)" "$(cat /run/told)"
rm /usr/local/sbin/zfs
umount /run/elsewhere
echo writable >/var/lib/sonarr/now
rm /var/lib/sonarr/now
assert_absent /run/preseed/read-only/sonarr
# What shows the snapshots goes on to.
assert_exists /var/lib/sonarr/.zfs/snapshot/good/sonarr.db

# Somebody has a file open for writing, below an entry that does not count.
declare_sonarr 'ignore = ["log"]' 'tiers = ["rollback"]'
reload
lose_data /var/lib/sonarr
zfs snapshot "$DATASET@empty"
zfs destroy "$DATASET@empty"
systemd-run --quiet --unit=copier --property=User=sonarr --property=PrivateTmp=yes \
    bash -c 'exec 3>/var/lib/sonarr/.half && rm /var/lib/sonarr/.half && touch /tmp/ready && exec sleep 1000'
has_it_open() {
    [[ $(readlink "/proc/$(systemctl show --property=MainPID --value copier)/fd/3") == *'.half (deleted)' ]]
}
eventually has_it_open
assert_refused sonarr 'process [0-9]+ \((bash|sleep), of copier.service\) has /var/lib/sonarr/.half \(deleted\) open for writing, so nothing in it is rolled back.*systemctl stop copier.service'
touch /var/lib/sonarr/still-writable
rm /var/lib/sonarr/still-writable
assert_eq "local	seeded" "$(zfs get -H -o source,value preseed:state "$DATASET" | cut -d ' ' -f 1)" 'the mark is as it was'
systemctl stop copier

# A shell stands there, as root and as another user in a copy of all mounts.
(cd /var/lib/sonarr && exec sleep 1000) &
eventually stands_in $! /var/lib/sonarr
systemd-run --quiet --unit=onlooker --property=PrivateTmp=yes --property=WorkingDirectory=/var/lib/sonarr sleep 1000
starts_with 'The Expanse'
assert_journal preseed-sonarr.service "restored by rollback from $DATASET@good"
kill %1
systemctl stop onlooker

# Killed in between: the next start makes it writable again.
lose_data /var/lib/sonarr
cat >/usr/local/sbin/zfs <<EOT
#!/bin/bash
[[ \$1 != rollback ]] || { kill -9 \$PPID; exit 1; }
exec $zfs "\$@"
EOT
chmod +x /usr/local/sbin/zfs
systemctl reset-failed
assert_exit 1 systemctl start sonarr
rm /usr/local/sbin/zfs
assert_exists /run/preseed/read-only/sonarr
assert_exit 1 touch /var/lib/sonarr/x
starts_with 'The Expanse'
assert_journal dataset-sonarr.service 'made /var/lib/sonarr writable again after a restore that was interrupted'
assert_absent /run/preseed/read-only/sonarr
