# restic stands still, since a part of the repository gives no answer or since restic was stopped. After
# `stall-timeout` it is ended, the service does not start and says why, and nothing is left of the attempt. A restore
# that is slow, but moves, is not ended.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
declare_sonarr 'stall-timeout = "1s"'
head -c 40000000 /dev/urandom >/var/lib/sonarr/large
backup_sonarr
lose_data /var/lib/sonarr
# Large enough for all that is read slowly of it below.
pack=$(find "$REPOSITORY/data" -type f -size +8M -print -quit)
mv "$pack" /var/tmp/pack
# Whoever opens the pipe waits.
mkfifo "$pack"

assert_exit 1 systemctl start sonarr
assert_status preseed-sonarr.service 'Status: .*repository local: `restic restore` made no progress for 1 s \(stall-timeout\) and was ended: see that'
assert_exit 1 pgrep --exact restic
assert_absent /var/lib/.preseed-staging/sonarr
assert_eq '' "$(ls -A /var/lib/sonarr)" 'the directory'

# One that was stopped.
systemctl start --no-block sonarr
# Debian's restic 0.14 ends at once where it is given --sparse, and is started again without: the one that was found may be
# gone by now.
is_stopped() {
    kill -STOP "$(pgrep --exact --full 'restic restore .*')"
}
eventually is_stopped
eventually systemctl is-failed preseed-sonarr.service
assert_status preseed-sonarr.service 'made no progress for 1 s'
assert_exit 1 pgrep --exact restic

# Half a MiB each 0.25 s, for longer than the time in which something must have moved.
declare_sonarr 'stall-timeout = "2s"'
rm "$pack"
mkfifo "$pack"
systemctl start --no-block sonarr
(
    for ((at = 0; at < 11 << 19; at += 1 << 19)); do
        dd if=/var/tmp/pack bs=512K count=1 skip=$((at >> 19)) status=none
        sleep 0.25
    done
    tail -c +$((at + 1)) /var/tmp/pack || true
) >"$pack"
rm "$pack"
mv /var/tmp/pack "$pack"
eventually systemctl is-active sonarr.service
assert_series 'The Expanse'
