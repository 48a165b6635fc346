# The helper is killed in the middle of a restore. The service does not start, and no half of the data is in its
# place. The next start ends as an undisturbed restore does.

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
assert_eq activating "$(unit_state preseed-sonarr.service)"
systemctl kill --kill-whom=all --signal=KILL preseed-sonarr.service
eventually systemctl is-failed preseed-sonarr.service
assert_not_active sonarr.service
assert_eq '' "$(ls -A /var/lib/sonarr)" 'the directory'

mv /var/tmp/pack "$pack"
systemctl start sonarr
assert_series 'The Expanse'
assert_same_tree /var/tmp/before /var/lib/sonarr
assert_absent /var/lib/.preseed-staging/sonarr
