# The pool of a replica comes between two questions: at the first, none of its datasets is there, and at the next, the pool
# is. That is not "it has no snapshots": the data is restored from it. The same goes for a service's own pool.

sonarr_with 'The Expanse'
zfs snapshot "$DATASET@good"
replicate "$DATASET@good"
zfs=$(command -v zfs)
cat >/usr/local/sbin/zfs <<EOT2
#!/bin/bash
$zfs "\$@"
status=\$?
[[ -e /run/comes && "\$*" == *" \$(</run/comes)"* ]] || exit \$status
if [[ -e /run/not-yet ]]; then
    rm /run/not-yet
else
    systemd-run --quiet --wait zpool import "\$(cut -d/ -f1 /run/comes)"
    rm /run/comes
fi
exit \$status
EOT2
chmod +x /usr/local/sbin/zfs

# Nothing else remembers that there was data.
destroy_sonarr
zfs destroy tank/preseed:memory
rm /var/lib/preseed/memory/sonarr*
zpool export vault
echo vault/services/sonarr >/run/comes
starts_with 'The Expanse'
assert_eq missing "$([[ -e /run/comes ]] || echo missing)"
assert_journal preseed-sonarr.service 'restored .* from vault/services/sonarr@good'

# Its own pool, after where it lies was asked for and before it is looked at.
guid=$(zfs get -Hp -o value guid "$DATASET")
zpool export tank
touch /run/not-yet
echo "$DATASET" >/run/comes
starts_with 'The Expanse'
assert_eq missing "$([[ -e /run/comes ]] || echo missing)"
assert_eq "$guid" "$(zfs get -Hp -o value guid "$DATASET")" 'the dataset is the same one'
