# The data is removed, and the newest snapshot holds it. The dataset is rolled back to it, and the service sees its
# data.

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
