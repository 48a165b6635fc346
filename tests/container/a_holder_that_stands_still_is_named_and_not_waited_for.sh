# Another program holds the lock of a service's storage and stands still. The service does not start, and its status
# names the holder. Once the holder is gone, the service starts. Two more that stand still hold all slots of restores, as
# programs do that wait in the kernel for a disk which is gone: they move no data, and another service's restore goes on.

declare_default_host
repository_init
declare_sonarr 'stall-timeout = "5s"'
declare_radarr 7878 <<'EOT'
[preseed]
stall-timeout = "5s"
EOT
reload
systemctl start sonarr radarr
add_series 'The Expanse'
backup /var/lib/radarr radarr
systemctl stop sonarr radarr
lose_data /var/lib/radarr

install -d -m 0700 /run/preseed/slots
stand_still_with /run/preseed/slots/0
stand_still_with /run/preseed/slots/1
stand_still_with /run/preseed/lock/sonarr.lock
holder=$!
systemctl start --no-block sonarr radarr
eventually eval 'unit_status dataset-sonarr.service | grep -E "Status: \"waiting: another run is at work .*\((flock|sleep), process $holder\)"'
eventually eval 'unit_status preseed-radarr.service | grep "Status: \"waiting for another restore to end"'
eventually systemctl is-failed dataset-sonarr.service
assert_status dataset-sonarr.service "Status: \"sonarr: sleep, process $holder is at work on its storage, and has stood still for [0-9]+ s"
assert_not_active sonarr.service
eventually systemctl is-active radarr.service
assert_journal preseed-radarr.service 'restored by restic'

kill "$holder"
wait "$holder" || true
systemctl start sonarr
assert_series 'The Expanse'
