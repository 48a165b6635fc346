# The repository is there and holds nothing of the service: its first start. It starts empty. A snapshot that appears
# later is not restored, neither over what it has written since nor if it has written nothing.
# also: vm

declare_default_host
repository_init
declare_sonarr

#: reboot
assert_active sonarr.service
assert_no_series
assert_journal preseed-sonarr.service 'first start'

# A snapshot of somebody else's data, as this service's.
mkdir -p /var/tmp/other
systemctl stop sonarr
cp -a /var/lib/sonarr /var/tmp/own
/usr/lib/preseed-tests/sonarr serve --data /var/lib/sonarr &
eventually sonarr health
add_series 'Firefly'
kill $!
wait $! || true
backup_sonarr
find /var/lib/sonarr -mindepth 1 -delete
cp -a /var/tmp/own/. /var/lib/sonarr/

#: reboot
assert_active sonarr.service
assert_no_series
assert_eq '' "$(journalctl --boot --output=cat PRESEED_SERVICE=sonarr)" 'events of a boot that had nothing to do'
