# A restore is started by hand while the unit's is at work. It waits, says so, and continues when the other one is
# gone.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
head -c 40000000 /dev/urandom >/var/lib/sonarr/large
fingerprint /var/lib/sonarr >/var/tmp/before
backup_sonarr
lose_data /var/lib/sonarr
# A part of the repository that gives no answer: whoever opens the pipe waits.
pack=$(find "$REPOSITORY/data" -type f -size +1M -print -quit)
mv "$pack" /var/tmp/pack
mkfifo "$pack"

systemctl start --no-block sonarr.service
some_has_arrived() {
    [[ -n $(find /var/lib/.preseed-staging/sonarr -name large -size +1M) ]]
}
eventually some_has_arrived
begun=$(stat --format=%i /var/lib/.preseed-staging/sonarr)
systemd-run --quiet --no-block --unit=by-hand --service-type=oneshot --property=NotifyAccess=all \
    /usr/lib/preseed/preseed-helper run sonarr
waits() {
    systemctl show --property=StatusText --value by-hand.service | grep -q '^waiting: another run'
}
eventually waits
assert_eq "$begun" "$(stat --format=%i /var/lib/.preseed-staging/sonarr)" 'what the first one stages'
assert_eq activating "$(unit_state by-hand.service)"

mv /var/tmp/pack "$pack"
systemctl kill --kill-whom=all --signal=KILL preseed-sonarr.service
by_hand_has_restored() {
    unit_journal by-hand.service | grep -q 'restored by restic'
}
eventually by_hand_has_restored
eventually systemctl is-failed sonarr.service dataset-sonarr.service preseed-sonarr.service
systemctl start sonarr
assert_series 'The Expanse'
assert_same_tree /var/tmp/before /var/lib/sonarr
assert_absent /var/lib/.preseed-staging/sonarr
