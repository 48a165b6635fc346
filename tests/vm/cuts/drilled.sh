# A drill was interrupted: that keeps no service down, and the next drill leaves nothing of it.
assert_active sonarr.service
again
assert_lacks "$(zfs list -H -o name)" preseed-drill
grep -q '"restic"' /var/lib/preseed/drills/sonarr.json
