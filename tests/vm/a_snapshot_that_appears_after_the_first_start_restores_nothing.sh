# All sources are reachable and none holds anything: the service starts empty and is marked. A replica that
# appears later is not restored over what the service has written since.

declare_default_host
declare_vault
repository_init
declare_sonarr

#: reboot
assert_active sonarr.service
assert_no_series
assert_journal preseed-sonarr.service 'first start'
assert_mark tank/services/sonarr bootstrap
add_series 'Firefly'
zfs snapshot tank/services/sonarr@other
zfs send tank/services/sonarr@other | zfs receive -u vault/services/sonarr
zfs destroy tank/services/sonarr@other
systemctl stop sonarr
rm /var/lib/sonarr/*
/usr/lib/preseed-tests/sonarr serve --data /var/lib/sonarr --listen 127.0.0.1:8989 &
eventually sonarr health
add_series 'Severance'
kill $!
wait $! || true
chown -R sonarr:sonarr /var/lib/sonarr

#: reboot
assert_active sonarr.service
assert_series 'Severance'
assert_mark tank/services/sonarr bootstrap
