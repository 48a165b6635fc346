# The replica of the service's dataset is elsewhere below the replica's parent, as after a syncoid run with another
# target. The service does not start empty, and the message has the line with which it is restored.

sonarr_with 'The Expanse'
zfs snapshot "$DATASET@daily"
zfs create -p vault/services/nas/old
zfs send "$DATASET@daily" | zfs receive -u vault/services/nas/old/sonarr
destroy_sonarr
rm -rf /var/lib/preseed
zfs destroy -r tank/preseed:memory

assert_refused sonarr "replica vault: it holds what may be sonarr's data: vault/services/nas/old/sonarr, the newest snapshot of which is of 2.*write .parent = \"vault/services/nas/old\". below \[replica.vault\]"
sed -i 's|^parent = "vault/services"|parent = "vault/services/nas/old"|' /etc/preseed/preseed.toml
reload
starts_with 'The Expanse'
assert_mark "$DATASET" receive
