# The story that `cargo xtask demo --zfs` tells: each of the three tiers brings the data back in turn.

. narration.sh
say 'This is a virtual machine with real ZFS. It has a pool `tank`, and a pool `vault` that snapshots are' \
    'replicated to. Sonarr is a small service in the real one'"'"'s shape. All that the admin writes:'
declare_default_host
declare_vault
repository_init
declare_sonarr
show 'cat /etc/preseed/preseed.toml'
show 'cat /etc/preseed/services/sonarr.toml'
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
say 'It writes into its database; a snapshot is taken, replicated, and a backup made.'
show "sonarr add 'The Expanse'"
show 'systemctl stop sonarr'
show 'zfs snapshot tank/services/sonarr@nightly'
show 'zfs send tank/services/sonarr@nightly | zfs receive -u vault/services/sonarr'
export RESTIC_REPOSITORY=$REPOSITORY RESTIC_PASSWORD_FILE=$PASSWORD_FILE
show 'restic backup --tag=sonarr,media,database /var/lib/sonarr'

act 'A careless rm: the newest snapshot has the data, so it is rolled back to'
show 'rm -rf /var/lib/sonarr/*'
show 'systemctl start sonarr'
assert_journal preseed-sonarr.service 'restored by rollback'
show_status preseed-sonarr
show 'sonarr list'
assert_series 'The Expanse'
checked 'The data was back before Sonarr started.'

act 'The loss is noticed late: newer snapshots are empty, so an older one is cloned into place'
show 'systemctl stop sonarr'
show 'rm -rf /var/lib/sonarr/*'
show 'zfs snapshot tank/services/sonarr@empty'
show 'preseedctl plan sonarr'
show 'systemctl start sonarr'
assert_journal preseed-sonarr.service 'restored by snapshot from tank/services/sonarr@nightly'
show 'sonarr list'
assert_series 'The Expanse'
show 'zfs list -t all -o name,mounted -r tank/services'
checked 'The data is back, and what was replaced is kept with its snapshots.'

act 'The dataset is destroyed with its snapshots: the replica is received'
show 'systemctl stop sonarr'
show 'zfs list -H -o name -r tank/services | grep sonarr: | xargs -n 1 zfs destroy -r'
show 'zfs destroy -r tank/services/sonarr'
show 'systemctl start sonarr'
assert_journal preseed-sonarr.service 'restored by snapshot from vault/services/sonarr@nightly'
show 'sonarr list'
assert_series 'The Expanse'
checked 'The data came from the other pool, into a dataset with the declared properties.'

act 'Dataset and replica are destroyed, and the machine reboots: restic restores'
show 'systemctl stop sonarr'
show 'zfs destroy -r tank/services'
show 'zfs destroy -r vault/services/sonarr'
show_reboot

#: reboot
. narration.sh
show_journal dataset-sonarr preseed-sonarr sonarr
assert_journal preseed-sonarr.service 'restored by restic'
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
