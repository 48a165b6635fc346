# A drill of a directory restores its backup beside the running service, although its user has filled it with links out of it,
# pipes, names of any bytes, deep trees and a journal that is none; and root's own device nodes came into the backup. Nothing of it
# leads root astray, or holds it up. A damaged backup is named, and the service runs on. Two drills do not get into each
# other's way.

declare_default_host
repository_init
declare_drilled_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
backup_sonarr

echo secret >/root/secret
chmod 600 /root/secret
runuser -u sonarr -- bash -c '
    cd /var/lib/sonarr
    ln -s /root/secret link; ln -s / root; ln -s ../../../../etc up; ln -s loop loop
    mkfifo pipe fifo.db
    touch $'"'"'a\nb'"'"' $'"'"'\377\376'"'"' "*" " " -- "--help" "-rf"
    mkdir -p "$(printf "d/%.0s" {1..300})"
    mkdir closed && chmod 000 closed
    touch sonarr.db-journal
    mkdir .preseed-check-0 ".preseed-staging"
    chmod 777 .
'
mknod /var/lib/sonarr/null c 1 3
mknod /var/lib/sonarr/disk b 7 0
backup_sonarr
rm /var/lib/sonarr/null /var/lib/sonarr/disk
before() {
    fingerprint /var/lib/sonarr
    invocation sonarr.service
    ls -a /var/lib
    ls -la /root /dev/null
    cat /root/secret
}
before >/var/tmp/before
assert_exit 0 timeout 60 systemctl start drill-sonarr.service
told() { # REGEX
    assert_journal drill-sonarr.service "$1"
}
told 'sonarr: the newest of repository local \([0-9a-f]{8}, .*\) can be restored: it took'
told 'sonarr: the oldest of repository local \([0-9a-f]{8}, .*\) can be restored: it took'
before >/var/tmp/after
assert_exit 0 diff /var/tmp/before /var/tmp/after
assert_absent /var/lib/.preseed-staging

# Two at once: one waits, and both come to their end.
preseedctl drill sonarr >/var/tmp/first 2>&1 &
assert_exit 0 preseedctl drill sonarr
wait $!
assert_contains "$(cat /var/tmp/first)" 'sonarr: 2 of 2 candidates can be restored; the service is as it was'
assert_contains "$output" 'sonarr: 2 of 2 candidates can be restored; the service is as it was'

assert_exit 1 preseedctl drill sonarr --tier snapshot
assert_contains "$output" 'sonarr: it has no tier snapshot: `preseedctl show sonarr` shows its `tiers`'

# A restore that waits for a slot comes first: the drill begins again.
sed -i '/^backend/a max-parallel-restores = 1' /etc/preseed/preseed.toml
declare_radarr 8001 </dev/null
reload
systemctl start radarr
backup /var/lib/radarr radarr
systemctl stop radarr
lose_data /var/lib/radarr
head -c 5000000 /dev/urandom >/var/lib/sonarr/large
backup_sonarr
hold_up_the_restore
preseedctl drill sonarr >/var/tmp/first 2>&1 &
# What an earlier drill has written there stays.
eventually eval "grep -q 'a drill of sonarr.* process $!\\b' /run/preseed/slots/0"
timeout 120 systemctl start radarr
assert_active radarr.service
kill -0 $!
feed "$REPOSITORY/part" "$PART"
rm "$PART"
mv "$REPOSITORY/part" "$PART"
wait $!
assert_contains "$(cat /var/tmp/first)" 'sonarr: 2 of 2 candidates can be restored; the service is as it was'

# A damaged backup is named, and the other one drilled all the same.
chmod u+w "$PART"
dd if=/dev/urandom of="$PART" bs=4096 count=100 seek=10 conv=notrunc status=none
assert_exit 1 preseedctl drill sonarr
assert_matches "$output" 'sonarr: the newest of repository local \([0-9a-f]{8}, .*\) cannot be restored: .*'
assert_matches "$output" 'sonarr: the (middle|oldest) of repository local \([0-9a-f]{8}, .*\) can be restored'
assert_contains "$output" 'sonarr: 1 of 2 candidates can be restored; the service is as it was'
assert_active sonarr.service
assert_series 'The Expanse'
assert_absent /var/lib/.preseed-staging

# Of one that is larger than it may be, a sample is restored.
sed -i 's/^schedule = .*/&\nmax-size = "1M"/' /etc/preseed/services/sonarr.toml
assert_exit 1 preseedctl drill sonarr
assert_matches "$output" 'sonarr: (a sample of )?the newest of repository local'
rm /var/lib/sonarr/large
head -c 3000000 /dev/urandom >/var/lib/sonarr/other
backup_sonarr
assert_exit 0 preseedctl drill sonarr
assert_matches "$output" 'sonarr: a sample of the newest of repository local \([0-9a-f]{8}, .*\) can be restored: it took'

# One that was killed leaves nothing, and keeps nothing waiting.
preseedctl drill sonarr >/dev/null 2>&1 &
eventually test -e '/var/lib/.preseed-staging/sonarr:preseed-drill'
kill -KILL $!
wait $! || true
systemctl restart sonarr
# What it had started holds its lock until it has ended.
eventually flock --nonblock '/run/preseed/lock/sonarr:preseed-drill.lock' true
assert_exit 0 systemctl start storage-preseed-kept.service
assert_absent /var/lib/.preseed-staging

# One that is late is told each day: only time in which the machine was up counts.
shown=/var/lib/preseed/drills/sonarr.json
assert_no_journal storage-preseed-kept 'was not drilled'
sed -i 's/^  "waited": .*,$/  "waited": 800000,/' "$shown"
assert_exit 0 systemctl start storage-preseed-kept.service
assert_journal storage-preseed-kept 'sonarr: its data was not drilled for 9 days in which the machine was up, and `schedule` in \[drill\] is weekly'
