# shellcheck shell=bash disable=SC2154
# A round was interrupted: of each place, what was last known to be good is there and held. The next round ends well, holds one
# snapshot of each, prunes what is due, and leaves nothing else.

assert_active sonarr.service
for place in sonarr sonarr.covers sonarr.config; do
    good=$(sed -n '/"held": {/,/}/s/.*"snapshot": "\(.*\)".*/\1/p' "/var/lib/preseed/protection/$place.json")
    assert_matches "$good" "^tank/services/$place@autosnap_"
    assert_contains "$(zfs holds -H "$good")" preseed:good
done
# Later in the same hour.
echo $(($(cat /var/tmp/now) + 600)) >/var/tmp/now
again
assert_lacks "$(zfs list -H -o name)" preseed-drill
assert_eq '' "$(grep -h -e '^[^ ]* [^ ]* [^ ]* [^ ]* [^ ]* .* - zfs [^ ]*\(@\|:preseed-\)' /proc/*/mountinfo 2>/dev/null || true)"
for place in sonarr sonarr.covers sonarr.config; do
    assert_eq 1 "$(zfs list -H -t snapshot -o userrefs -d 1 "tank/services/$place" | grep -c 1)" "held of $place"
done
