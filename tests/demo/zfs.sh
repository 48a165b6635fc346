# The story that `cargo xtask demo --zfs` tells: declared, saved by snapshots, a replica and backups, and lost in four ways,
# from which each tier brings the data back in turn.

. narration.sh
say 'This is a virtual machine with real ZFS. It has a pool `tank`, and a pool `vault` that snapshots are' \
    'replicated to. Sonarr is a small service in the real one'"'"'s shape. All that the admin writes:'
declare_default_host
declare_vault
declare_service sonarr <<'EOT'
template = "sonarr"

[snapshots]
policy = "services"

[backup]
repository = "local"
schedule = "daily"
keep = { daily = 14, monthly = 12 }
EOT
password_file
show 'cat /etc/preseed/preseed.toml'
show 'cat /etc/preseed/services/sonarr.toml'
show 'preseedctl repository init local'
show 'systemctl daemon-reload'
show 'preseedctl check'

#: reboot
. narration.sh
act 'First boot, there is no data anywhere: the dataset is made, and Sonarr starts empty'
show_journal dataset-sonarr preseed-sonarr sonarr
assert_active sonarr.service
assert_journal preseed-sonarr.service 'first start'
show 'zfs list -o name,recordsize,compression,mountpoint,mounted -r tank'
show 'sonarr list'
assert_no_series
checked 'Sonarr runs in a dataset of its own, and holds no series.'

act 'Sonarr writes into its database; its data is saved in three places while it runs'
show "sonarr add 'The Expanse'"
say 'A timer does this every quarter of an hour: Sanoid says what is due, preseed takes it. The newest is held' \
    'until a newer one has proved itself.'
show 'systemctl start storage-snapshots'
snapshot=$(zfs list -H -t snapshot -o name -S createtxg tank/services/sonarr | sed 1q)
show "zfs holds $snapshot"
say 'Somebody replicates the snapshots, by whatever means:'
show "zfs send $snapshot | zfs receive -u vault/services/sonarr"
say 'And this runs daily:'
show 'systemctl start backup-sonarr'
show 'journalctl --boot --no-hostname --output=cat --unit=backup-sonarr PRESEED_OUTCOME=backed-up'
show 'preseedctl status sonarr'
checked 'Three tiers hold the data.'

act 'A careless rm: the newest snapshot has the data, so it is rolled back to'
show 'systemctl stop sonarr'
show 'rm -rf /var/lib/sonarr/*'
lost 'its files were removed'
show 'systemctl start sonarr'
back rollback
show_status preseed-sonarr
show 'sonarr list'
assert_series 'The Expanse'
checked 'The data was back before Sonarr started.'

act 'The loss is noticed late: a newer snapshot is empty, so an older one is cloned into place'
show 'systemctl stop sonarr'
show 'rm -rf /var/lib/sonarr/*'
lost 'the same, seen late'
show 'zfs snapshot tank/services/sonarr@by-hand'
show 'preseedctl plan sonarr'
show 'systemctl start sonarr'
back snapshot
assert_journal preseed-sonarr.service 'restored by snapshot from tank/services/sonarr@autosnap'
show 'sonarr list'
assert_series 'The Expanse'
show 'zfs list -t all -o name,mounted -r tank/services'
checked 'The data is back, and what was replaced is kept with its snapshots.'

act 'The disk of the pool dies with all snapshots: the replica is received into a new one'
disk=$(zpool list -v -H -P tank | awk 'NR == 2 { print $1 }')
show 'systemctl stop sonarr'
show 'zpool destroy tank'
lost 'its pool died'
show "zpool create -f -O mountpoint=none tank $disk"
show 'systemctl start sonarr'
back snapshot
assert_journal preseed-sonarr.service 'restored by snapshot from vault/services/sonarr@autosnap'
show 'sonarr list'
assert_series 'The Expanse'
checked 'The data came from the other pool, into a dataset with the declared properties.'

act 'The pool and the replica are gone, and the machine boots: restic restores'
show 'systemctl stop sonarr'
show 'zpool destroy tank'
show 'zfs destroy -r vault/services/sonarr'
lost 'pool and replica died'
show "zpool create -f -O mountpoint=none tank $disk"
show_reboot

#: reboot
. narration.sh
show_journal dataset-sonarr preseed-sonarr sonarr
back restic
show 'sonarr list'
assert_series 'The Expanse'
checked 'The data was restored before Sonarr started.'

act 'Nothing can be asked: Sonarr is not started on an empty dataset'
show 'systemctl stop sonarr'
show 'zfs destroy -r tank/services'
show 'zpool export vault'
show "mv $REPOSITORY /elsewhere  # as a network share that is not mounted"
assert_exit 1 systemctl start sonarr
assert_not_active sonarr.service
show_status sonarr
assert_status preseed-sonarr.service 'Status: .*vault.* is not imported'
show_status preseed-sonarr
checked 'Sonarr is down, and the Status line says why and what to do.'
say 'The cure is applied:'
show 'zpool import vault'
show "mv /elsewhere $REPOSITORY"
show 'systemctl start sonarr'
show 'sonarr list'
assert_series 'The Expanse'
checked 'Sonarr is back, with its data.'

act 'What each loss cost'
say 'The recovery time is what the journal of `preseed-sonarr` shows, from its start until the data was back; the' \
    'recovery point is how old the copy was, by its own time, when the data was lost: a real one is the pause between two.'
show_costs
assert_eq 4 "$(wc -l <"$COSTS")" 'losses'
