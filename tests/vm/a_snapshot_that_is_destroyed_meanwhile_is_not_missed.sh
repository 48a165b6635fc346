# Another program destroys snapshots after they are listed and before they are looked into, as sanoid does when it
# prunes. They are listed again, and the newest that holds the data is restored. If the only one that may have held it
# is gone, the service does not start empty by itself.
sonarr_with 'The Expanse'
zfs snapshot "$DATASET@good1"
zfs snapshot "$DATASET@good2"
lose_data /var/lib/sonarr
zfs snapshot "$DATASET@empty1"
zfs snapshot "$DATASET@empty2"
zfs=$(command -v zfs)
# destroys SNAPSHOT: as soon as snapshots have been listed.
destroys() {
    cat >/usr/local/sbin/zfs <<EOT
#!/bin/bash
$zfs "\$@"; status=\$?
[[ \$1 != list || "\$*" != *"-t snapshot"* ]] || $zfs destroy $1 2>/dev/null
exit \$status
EOT
    chmod +x /usr/local/sbin/zfs
}
destroys "$DATASET@empty1"
starts_with 'The Expanse'
assert_journal preseed-sonarr.service 'passed over tank/services/sonarr@empty1 .*: it was destroyed after it was listed'
assert_journal preseed-sonarr.service 'restored by snapshot from tank/services/sonarr@good2'

for kept in $(kept_datasets); do zfs destroy -r "$kept"; done
for snapshot in $(zfs list -H -t snapshot -d 1 -o name "$DATASET"); do zfs destroy "$snapshot"; done
zfs snapshot "$DATASET@last"
lose_data /var/lib/sonarr
declare_sonarr 'tiers = ["snapshot"]' 'replicas = []'
reload
destroys "$DATASET@last"
assert_refused sonarr 'tank/services/sonarr@last: it was destroyed after it was listed'
rm /usr/local/sbin/zfs
