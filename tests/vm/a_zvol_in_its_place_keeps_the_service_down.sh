# A volume has the dataset's name: it is somebody's, and stays. Renamed away, the service has its data.

sonarr_with 'The Expanse'
zfs snapshot "$DATASET@good"
replicate "$DATASET@good"
destroy_sonarr
zfs create -V 16M "$DATASET"
assert_refused sonarr "$DATASET: a volume of that name is in the way: rename it with .zfs rename $DATASET …."
assert_properties "$DATASET" type=volume
zfs rename "$DATASET" tank/services/somebodys
starts_with 'The Expanse'
assert_properties tank/services/somebodys type=volume
