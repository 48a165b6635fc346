# Churn under a hold fills a pool to 95 %: the services go on. An event at 80 and at 90 % and `preseedctl status` say how much
# of the pool is held and kept of which service, and the commands that they name let go of it. Nothing goes by itself but by
# its rule; what is somebody else's is left to them. A pool that does not say how full it is is never taken for empty.
# needs: zfs
# long: three gigabytes are written
declare_host <<'EOF'
[storage]
parent = "small/services"
[snapshot-policy.short]
hourly = 2
EOF
# In a smaller one, ZFS keeps more than a twentieth for itself.
disk=$(zpool list -HvP -o name vault | sed -n 's:^\s*\(/dev/[^[:space:]]*\).*:\1:p')
zpool export vault
zpool create -f -O mountpoint=none -O compression=off -O checksum=off -O primarycache=metadata -O recordsize=1M small \
    "$(losetup --find --show --direct-io=on --sizelimit=3200M "$disk")"
zfs create small/services
printf '[dataset]\nowner = "root"\n[preseed]\nexpect = ["app.db"]\n[snapshots]\npolicy = "short"\n' | declare_service app
cat >/etc/systemd/system/app.service <<'EOF'
[Service]
ExecStart=/bin/sh -c 'while echo alive >/srv/app/alive; do sleep 0.2; done'
EOF
printf '[dataset]\nowner = "root"\n' | declare_service other
idle_service other
reload
systemctl start app other
for name in app other; do
    # Zeros are to take room.
    zfs set compression=off recordsize=1M "small/services/$name"
done

fill() { # SERVICE MIB
    dd if=/dev/zero of="/srv/$1/churn" bs=1M count="$2" status=none
}
round() { # HOURS: as if that long had passed.
    time_passes $((3600 * $1))
    systemctl start storage-snapshots
}
room() { # As both timers do.
    zpool sync small
    systemctl start storage-snapshots
    systemctl start storage-preseed-kept
}
events() { # LEVEL: those of full pools
    journalctl --sync
    journalctl --output=cat --priority="$1..$1" PRESEED_POOL=small
}
full() {
    zpool sync small
    zpool get -Hp -o value capacity small
}
number() { # PROPERTY DATASET
    zfs get -Hp -o value "$1" "$2"
}

head -c 3M /dev/urandom >/srv/app/app.db
time_is 10:00
round 0
held=$(zfs list -H -o name -t snapshot small/services/app)
# The service makes itself a fresh database: nothing of it is pruned.
head -c 10K /dev/urandom >/srv/app/app.db
round 21
assert_eq "$held" "$(zfs holds -H "$held" | cut -f 1)"
# What a restore replaced, of one that is declared and one that is not; what an admin and somebody else have.
echo data >/srv/other/data
zfs snapshot small/services/other@before
fill other 200
assert_exit 0 preseedctl restore other --snapshot before --stop --yes
kept=$(zfs list -H -r -o name small/services | grep 'other:preseed-kept-')
old='small/services/old one:preseed-kept-20260101T000000.000Z-before-restic'
zfs create -o mountpoint=/mnt -o "preseed:kept=$(zfs get -H -o value preseed:kept "$kept")" "$old"
head -c 5M /dev/zero >/mnt/five
zfs unmount "$old"
zfs create -o mountpoint=/srv/stranger small/services/stranger
fill stranger 100
fill other 20
zfs snapshot small/services/other@mine
zfs hold 'mine too' small/services/other@mine
rm /srv/other/churn

for part in 600 600 600; do
    fill app "$part"
    round 1
done
(($(full) < 80)) || fail "$(full) %"
assert_eq '' "$(events 4)$(events 3)"
assert_exit 0 preseedctl status other
assert_lacks "$output" 'pool small'

fill app 440
room
((80 <= $(full) && $(full) < 90)) || fail "$(full) %"
assert_eq 1 "$(events 4 | wc -l)" 'events at 80 %'
assert_eq '' "$(events 3)"
assert_exit 1 preseedctl status other
assert_contains "$output" 'pool small is 8'
churned=0
while (($(full) < 95)); do
    # A new file each time: what was written before is not given back.
    dd if=/dev/zero of="/srv/app/churn-$((++churned))" bs=1M count=$(($(full) < 94 ? 50 : 8)) status=none
done
room
assert_eq 1 "$(events 4 | wc -l)" 'events at 80 %'
assert_eq 1 "$(events 3 | wc -l)" 'events at 90 %'
told=$(events 3)

# The services go on, and the bytes are those of ZFS.
rm /srv/app/alive
eventually test -e /srv/app/alive
assert_active app.service
in_words() { # BYTES
    python3 -c 'import sys; n = int(sys.argv[1]); print("%.2f GiB" % (n / 2**30) if n >= 2**30 else "%.2f MiB" % (n / 2**20))' "$1"
}
snapshots=$(number usedbysnapshots small/services/app)
((snapshots > 1200 << 20)) || fail "$snapshots B in snapshots"
accept='preseedctl accept app && systemctl start storage-snapshots'
release="preseedctl release '$old'"
assert_contains "$told" "pool small is 95% full: "
assert_contains "$told" "; app: $(in_words "$snapshots") in snapshots, of which nothing is pruned since no newer one has proved itself: "
assert_contains "$told" "\`$accept\`; "
assert_contains "$told" "; other: $(in_words "$(number used "$kept")") kept of restores, until its time is over or, if the service has all its data, by \`preseedctl release other\`; "
assert_contains "$told" "; other: at least $(in_words "$(number used small/services/other@mine)") in snapshots that somebody else holds; "
assert_contains "$told" "\`$release\`; "
assert_lacks "$told" stranger
assert_eq "PRESEED_OUTCOME=almost-full PRESEED_ERROR=no-space" "$(journalctl --output=json --priority=3..3 PRESEED_POOL=small |
    sed -E 's/.*"(PRESEED_OUTCOME)":"([^"]*)".*/\1=\2 &/; s/ .*"(PRESEED_ERROR)":"([^"]*)".*/ \1=\2/')"
assert_exit 2 preseedctl status
assert_contains "$output" 'pool small is 95% full: '
assert_contains "$output" "  app: $(in_words "$snapshots") in snapshots, of which nothing is pruned"
assert_exit 2 preseedctl status app
assert_contains "$output" "  room      $(in_words "$snapshots") in snapshots, of which nothing is pruned"
assert_exit 2 preseedctl status --json
assert_eq "small almost-full 95 held $snapshots" "$(python3 -c '
import json, sys
pool = json.load(sys.stdin)["pools"][0]
item = pool["items"][0]
print(pool["pool"], pool["room"], pool["percent_full"], item["what"], item["bytes"])
' <<<"$output")"

# What it says to do does it; each asks first, where something is removed.
copied() { # COMMAND
    script --quiet --return --command "$1" /dev/null <<<y
}
assert_exit 0 copied "$release"
assert_exit 1 zfs list "$old"
assert_exit 0 copied 'preseedctl release other'
assert_exit 1 zfs list "$kept"
output=$(preseedctl status other || true)
assert_contains "$output" "\`zfs release 'mine too' small/services/other@mine\`"
assert_exit 0 bash -c "$accept"
assert_eq 0 "$(zfs list -H -o userrefs -t snapshot "$held" 2>/dev/null || echo 0)" 'the hold has moved on'
rm /srv/app/churn*
for hours in 1 1 1; do round "$hours"; done
(($(full) < 30)) || fail "$(full) %"
assert_eq 1 "$(events 4 | wc -l)"
assert_eq 1 "$(events 3 | wc -l)"
assert_exit 0 preseedctl status

# One that is away says nothing of how full it is.
printf '[replica.vault]\nparent = "vault/services"\n' >>/etc/preseed/preseed.toml
assert_exit 1 preseedctl status
assert_contains "$output" 'pool vault: how full it is is not known: vault/services: its pool `vault` is not imported'
room
journalctl --sync
assert_eq not-imported "$(journalctl --output=json PRESEED_POOL=vault | sed -E 's/.*"PRESEED_ERROR":"([^"]*)".*/\1/')"
