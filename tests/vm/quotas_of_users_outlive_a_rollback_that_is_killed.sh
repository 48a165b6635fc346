# A rollback takes the quotas of single users back to those of its snapshot. What an admin has set or removed since is so again
# afterwards, also where the restore is killed right after the rollback.

sonarr_with 'The Expanse'
zfs set userquota@sonarr=10M groupquota@nogroup=1M "$DATASET"
zfs snapshot "$DATASET@good"
zpool sync
zfs=$(command -v zfs)
cat >/usr/local/sbin/zfs <<EOT
#!/bin/bash
if [[ -e /run/kill && \$1 == rollback ]]; then
    rm /run/kill
    $zfs "\$@"
    touch /run/stopped
    exec sleep infinity
fi
exec $zfs "\$@"
EOT
chmod +x /usr/local/sbin/zfs
quotas() {
    zfs get -H -p -o value userquota@sonarr,groupquota@nogroup "$DATASET" | paste -s -d ' '
}
is_rolled_back() { # QUOTAS
    assert_eq "$1" "$(quotas)" "the quotas$2"
    assert_journal preseed-sonarr.service "rollback from $DATASET@good"
    assert_mark "$DATASET" rollback
    assert_properties "$DATASET" preseed:quotas=-
}
is_kept() { # QUOTAS
    zpool sync
    lose_data /var/lib/sonarr
    starts_with 'The Expanse'
    is_rolled_back "$1" ''
    lose_data /var/lib/sonarr
    rm -f /run/stopped
    touch /run/kill
    systemctl start --no-block preseed-sonarr
    eventually test -e /run/stopped
    systemctl kill --signal=KILL preseed-sonarr
    eventually systemctl is-failed preseed-sonarr
    starts_with 'The Expanse'
    is_rolled_back "$1" ' after a kill'
}
zfs set userquota@sonarr=20M groupquota@nogroup=none "$DATASET"
is_kept '20971520 0'
zfs set userquota@sonarr=none "$DATASET"
is_kept '0 0'
