# Another program holds the lock of a service's storage and stands still. The service does not start, and its status
# names the holder. Once the holder is gone, the service starts.

declare_default_host
repository_init
declare_sonarr 'stall-timeout = "2s"'
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr

flock /run/preseed/lock/sonarr.lock sleep 1000 &
holder=$!
held() {
    ! flock --nonblock /run/preseed/lock/sonarr.lock true
}
eventually held
systemctl start --no-block sonarr
eventually eval 'unit_status dataset-sonarr.service | grep -E "Status: \"waiting: another run is at work .*\(flock, process $holder\)"'
eventually systemctl is-failed dataset-sonarr.service
assert_status dataset-sonarr.service "Status: \"sonarr: flock, process $holder is at work on its storage, and has stood still for [0-9]+ s"
assert_not_active sonarr.service

pkill -P "$holder" sleep
wait "$holder" || true
systemctl start sonarr
assert_series 'The Expanse'
