# The data is removed, and the newest snapshot holds it. The dataset is rolled back to it, and the service sees its data.
# `preseedctl plan --assume-lost` said so before, and `preseedctl undo` says that nothing was replaced.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
fingerprint /var/lib/sonarr >/var/tmp/before
zfs snapshot tank/services/sonarr@older
zfs snapshot tank/services/sonarr@newest
zfs get -Hp -o value guid tank/services/sonarr >/var/tmp/guid
# What would happen if it were lost is told while the service runs.
systemctl start sonarr
assert_exit 0 preseedctl plan sonarr --assume-lost
assert_contains "$output" 'would restore tank/services/sonarr@newest'
systemctl stop sonarr
lose_data /var/lib/sonarr
assert_exit 0 preseedctl plan sonarr
assert_contains "$output" 'would restore tank/services/sonarr@newest'
assert_eq '' "$(ls -A /var/lib/sonarr)" 'plan changes nothing'

#: reboot
assert_active sonarr.service
assert_series 'The Expanse'
assert_same_tree /var/tmp/before /var/lib/sonarr
assert_journal preseed-sonarr.service 'restored by rollback from tank/services/sonarr@newest'
assert_eq "$(cat /var/tmp/guid)" "$(zfs get -Hp -o value guid tank/services/sonarr)" 'the dataset is the same one'
assert_mark tank/services/sonarr rollback
assert_eq "tank/services/sonarr@older
tank/services/sonarr@newest" "$(zfs list -H -t snapshot -o name -s createtxg tank/services/sonarr)" 'snapshots'
assert_exit 1 preseedctl undo sonarr --stop --yes
assert_contains "$output" 'sonarr: the last restore was a rollback to tank/services/sonarr@newest ('
assert_contains "$output" 'it replaced nothing, so there is nothing to undo'
assert_active sonarr.service
