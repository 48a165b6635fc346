# readonly=on says that nothing is to be changed. Data that is there is left alone and the service starts. No tier
# restores missing data until the property is gone, also where it is inherited.

sonarr_with 'The Expanse'
zfs snapshot "$DATASET@good"
zfs set readonly=on "$DATASET"
systemctl start preseed-sonarr
assert_eq success "$(systemctl show --property=Result --value preseed-sonarr)"

zfs set readonly=off "$DATASET"
lose_data /var/lib/sonarr
zfs set readonly=on "$DATASET"
assert_refused sonarr "$DATASET: it has readonly=on \(local\).*.zfs set readonly=off $DATASET"
assert_eq '' "$(ls -A /var/lib/sonarr)" 'nothing was restored'

zfs inherit readonly "$DATASET"
zfs snapshot "$DATASET@empty"
zfs set readonly=on tank/services
assert_refused sonarr "$DATASET: it has readonly=on \(inherited from tank/services\).*.zfs set readonly=off $DATASET"
assert_exit 1 zfs list "$DATASET:preseed-staging"
assert_eq '' "$(kept_datasets)" 'nothing was replaced'

zfs set readonly=off "$DATASET"
starts_with 'The Expanse'
assert_journal preseed-sonarr.service "restored by snapshot from $DATASET@good"
assert_properties "$DATASET" readonly=off

# And one that would be created below a parent that is read-only.
umount /var/lib/sonarr
zfs rename "$DATASET" tank/services/away
preseedctl forget --yes sonarr
assert_refused sonarr 'tank/services: it has readonly=on \(local\).*.zfs set readonly=off tank/services'
assert_exit 1 zfs list "$DATASET"
