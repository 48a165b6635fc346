# The power goes while the newest snapshot is checked in a clone, before it is rolled back to. Nothing of the dataset
# has changed. The next boot throws the clone away and restores as if nothing had been.

declare_default_host
repository_init
cat >/usr/local/bin/check <<'EOT'
#!/bin/bash
# What is in /run is gone with the power.
[[ -e /run/hang ]] || exit 0
sleep infinity
EOT
chmod +x /usr/local/bin/check
declare_sonarr 'verify = [{ sqlite = "sonarr.db" }, { command = ["/usr/local/bin/check"] }]'
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
fingerprint /var/lib/sonarr >/var/tmp/before
zfs snapshot tank/services/sonarr@good
zfs get -Hp -o value guid tank/services/sonarr >/var/tmp/guid
lose_data /var/lib/sonarr
touch /run/hang
systemctl start --no-block preseed-sonarr
eventually pgrep -u sonarr -f /usr/local/bin/check
assert_eq '' "$(ls -A /var/lib/sonarr)" 'the directory'
assert_properties tank/services/sonarr:preseed-staging origin=tank/services/sonarr@good
assert_properties tank/services/sonarr:preseed-check origin=tank/services/sonarr:preseed-staging@preseed-check
zpool sync tank
sync

#: power-cut
assert_active sonarr.service
assert_series 'The Expanse'
assert_same_tree /var/tmp/before /var/lib/sonarr
assert_journal preseed-sonarr.service 'restored by rollback from tank/services/sonarr@good'
assert_eq "$(cat /var/tmp/guid)" "$(zfs get -Hp -o value guid tank/services/sonarr)" 'the dataset is the same one'
assert_not_ignored tank/services/sonarr
assert_exit 1 zfs list tank/services/sonarr:preseed-check
assert_eq '' "$(kept_datasets)" 'kept datasets'
