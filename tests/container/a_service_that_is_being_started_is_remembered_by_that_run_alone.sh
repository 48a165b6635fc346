# The daily timer writes the same records as a starting service. It takes the service's lock, and does not wait for
# it: it writes nothing of a service that another run is at work on, and remembers the others meanwhile.
# also: vm

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl restart sonarr
record=/var/lib/preseed/memory/sonarr
assert_exists "$record"
rm "$record"

stand_still_with /run/preseed/lock/sonarr.lock
holder=$!
begun=$SECONDS
assert_exit 0 timeout 60 preseedctl remember
((SECONDS - begun < 15)) || fail 'the lock was waited for' "$((SECONDS - begun)) s"
assert_absent "$record"

kill "$holder"
wait "$holder" || true
assert_exit 0 preseedctl remember
assert_exists "$record"
# It gives the lock back.
systemctl restart sonarr
assert_series 'The Expanse'
