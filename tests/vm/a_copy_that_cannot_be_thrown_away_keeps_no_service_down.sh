# While a snapshot is tried out, somebody holds a snapshot of the copy, so that the copy cannot be destroyed. The
# service starts all the same. The copy is put aside, `zfs mount -a` never mounts it, and the daily timer destroys it
# once it is free.

declare_default_host
repository_init
cat >/usr/local/bin/check-series <<'EOT'
#!/bin/bash
staged=$(zfs list -H -r -o name tank/services | grep ':preseed-staging$')
zfs snapshot "$staged@held" && zfs hold mine "$staged@held"
EOT
chmod +x /usr/local/bin/check-series
declare_sonarr 'verify = [{ command = ["/usr/local/bin/check-series"], user = "root" }]'
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
zfs snapshot "$DATASET@good"
lose_data /var/lib/sonarr
starts_with 'The Expanse'
assert_mark "$DATASET" rollback
assert_not_ignored "$DATASET"
aside=$(kept_datasets)
assert_matches "$aside" '^tank/services/sonarr:preseed-kept-[0-9TZ.]+-thrown-away$'
assert_properties "$aside" canmount=noauto mounted=no
zfs unmount -a
zfs mount -a
assert_properties "$aside" mounted=no
assert_exit 0 preseedctl kept
assert_contains "$output" 'a copy that was thrown away, and was in use then'
systemctl start storage-preseed-kept
zfs list "$aside@held" >/dev/null
zfs release mine "$aside@held"
systemctl start storage-preseed-kept
assert_exit 1 zfs list "$aside"
starts_with 'The Expanse'
