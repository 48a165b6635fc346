# A backup's data is checked on a clone of its snapshot. If it does not pass, it is backed up under a tag that no restore takes
# by itself; if the check cannot be finished, the backup counts as no good one. Either way none is forgotten, and its owner is
# told once a day. A loss then brings the last good one back. The next backup that passes ends it.
# needs: zfs

declare_default_host
repository_init
idle_service app
declare_service app <<'EOT'
[preseed]
tiers = ["restic"]
expect = ["app.db"]
verify = [{ sqlite = "app.db" }]
[backup]
repository = "local"
tags = ["app"]
schedule = "daily"
keep = { last = 1 }
EOT
reload
systemctl start app
sqlite3 /srv/app/app.db 'CREATE TABLE t (text)' 'INSERT INTO t SELECT hex(randomblob(500)) FROM generate_series(1, 50)'
count() { # TAG
    in_repository snapshots --json --tag "$1" | grep -o '"short_id"' | wc -l
}
told() {
    journalctl --sync
    journalctl --boot --output=cat PRESEED_OUTCOME=held | grep -c 'app: .* is held, and nothing of it is pruned or forgotten'
}
backed_up() { # REGEX
    systemctl start backup-app
    assert_matches "$(systemctl show --property=StatusText --value backup-app)" "$1"
    assert_lacks "$(zfs list -H -t all -o name)" preseed-backup
    assert_lacks "$(zfs list -H -t all -o name)" preseed-drill
}
backed_up '^backed up to repository local as [0-9a-f]{8} \('
good=$(in_repository snapshots --json | sed -E 's/.*"short_id":"([0-9a-f]{8})".*/\1/')

# Its pages are there, and hold nothing that SQLite could read.
dd if=/dev/urandom of=/srv/app/app.db bs=1 seek=200 count=8000 conv=notrunc status=none
for _ in 1 2; do
    backed_up '^backed up .* under the tag preseed-unsound, which no restore takes by itself \(.*; it does not pass its checks: '
done
assert_eq 2 "$(count preseed-unsound)"
assert_eq 1 "$(count app)"
assert_eq 1 "$(told)" 'told once a day'
assert_exit 1 preseedctl status app
assert_contains "$output" 'its newest backup has not proved itself, so none is forgotten'

# A loss: the last good one comes back.
rm /srv/app/app.db
systemctl restart app
assert_journal preseed-app.service "restored by restic from $good"
assert_eq ok "$(sqlite3 /srv/app/app.db 'PRAGMA integrity_check')"

# A check that cannot be run says nothing of the data.
sed -i 's/verify = .*/verify = [{ command = ["\/usr\/local\/bin\/missing"] }]/' /etc/preseed/services/app.toml
reload
backed_up '^backed up to repository local as [0-9a-f]{8} \(.*; it is not counted as good, as its checks could not be finished: .*missing'
assert_eq 2 "$(count app)"
assert_exit 0 preseedctl repository maintain local --yes
assert_contains "$output" 'app: 0 of 2 backups forgotten; held: the newest state of app has not proved itself'

# It is run without root's rights, and passes.
printf '#!/bin/sh\n[ "$(id -u)" != 0 ] && [ -s "$1/app.db" ]\n' >/usr/local/bin/missing
chmod 0755 /usr/local/bin/missing
backed_up '^backed up to repository local as [0-9a-f]{8} \([^;]*$'
assert_lacks "$(cat /var/lib/preseed/protection/app.json)" '"unproved": "'
assert_exit 0 preseedctl repository maintain local --yes
assert_eq 1 "$(count app)"
