# The story that `cargo xtask demo` tells: a service comes back with its data, or not at all.

. narration.sh
say 'This is a throw-away container of this machine, with real systemd. Sonarr is a small service in' \
    "the real one's shape: started on an empty directory, it happily makes a fresh, empty database." \
    'All that the admin writes for it:'
declare_default_host
repository_init
declare_sonarr
show 'cat /etc/preseed/services/sonarr.toml'
show 'preseedctl check'

#: reboot
. narration.sh
act 'First boot, there is no backup: Sonarr starts empty'
say 'Before Sonarr starts, preseed asks the repository. It answers, and has no data of this service:' \
    'only that makes it a first start.'
show_journal dataset-sonarr preseed-sonarr sonarr
assert_active sonarr.service
assert_journal preseed-sonarr.service 'first start'
show 'sonarr list'
assert_no_series
checked 'Sonarr runs, and holds no series.'

act 'Sonarr writes into its database, and a backup is taken'
show "sonarr add 'The Expanse'"
export RESTIC_REPOSITORY=$REPOSITORY RESTIC_PASSWORD_FILE=$PASSWORD_FILE
show "restic backup --tag=sonarr,media,database /var/lib/sonarr"
show 'sonarr list'
assert_series 'The Expanse'
checked 'The series is in the database, and in the backup.'

act 'A careless rm takes the data, and the machine reboots'
show 'systemctl stop sonarr'
show 'rm -rf /var/lib/sonarr'
show_reboot

#: reboot
. narration.sh
say 'preseed finds the data gone, restores it beside its place, checks it, and swaps it in. Then,' \
    'and not before, Sonarr starts.'
show_journal dataset-sonarr preseed-sonarr sonarr
assert_journal preseed-sonarr.service 'restored by restic'
restored=$(journalctl --boot --output=export PRESEED_OUTCOME=restored | sed -n 's/^__MONOTONIC_TIMESTAMP=//p')
started=$(systemctl show --property=ExecMainStartTimestampMonotonic --value sonarr.service)
((restored < started)) || fail 'restored before Sonarr started' "restored: $restored" "started:  $started"
show 'sonarr list'
assert_series 'The Expanse'
checked 'The data was restored before Sonarr started, and the series is there.'

act 'The data is lost again, and this time the repository cannot be reached'
show 'systemctl stop sonarr'
show 'rm -rf /var/lib/sonarr'
show "mv $REPOSITORY /elsewhere  # as a network share that is not mounted"
show_reboot

#: reboot
. narration.sh
say 'Nobody can say whether there is data to restore. Sonarr is not started: on an empty directory it' \
    'would make a fresh database, and the next backup would call that its data.'
assert_not_active sonarr.service
show_status sonarr
assert_status preseed-sonarr.service 'Status: .*repository local'
show_status preseed-sonarr
checked 'Sonarr is down, and the Status line says why and what to do.'
say 'The cure is applied:'
show "mv /elsewhere $REPOSITORY"
show 'systemctl start sonarr'
show 'sonarr list'
assert_series 'The Expanse'
checked 'Sonarr is back, with its data.'
