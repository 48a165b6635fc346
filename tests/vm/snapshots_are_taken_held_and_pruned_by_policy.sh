# Sanoid says what is due, preseed takes it of all services at once, Sanoid prunes. What an admin's sanoid.conf covers is
# the admin's. The last good snapshot is held until a newer one has proved itself: the service may make itself fresh data,
# or lose it, for as long as it likes. A hold of somebody else's stays.
# needs: zfs

declare_default_host
cat >>/etc/preseed/preseed.toml <<'EOT'

[snapshot-policy.short]
hourly = 2
EOT
declare_sonarr
printf '\n[snapshots]\npolicy = "short"\n' >>/etc/preseed/services/sonarr.toml
repository_init
for name in other admins; do
    idle_service "$name"
    printf '[snapshots]\npolicy = "short"\n[dataset]\nowner = "root"\n' | declare_service "$name"
done
mkdir -p /etc/sanoid
printf '[tank/services/admins]\nuse_template = x\n[template_x]\nhourly = 1\n' >/etc/sanoid/sanoid.conf
reload
systemctl is-active storage-snapshots.timer || systemctl start storage-snapshots.timer
# The rounds are begun below.
systemctl --quiet mask --now storage-snapshots.timer
systemctl start sonarr other admins
add_series 'The Expanse'
head -c 5000000 /dev/urandom >/var/lib/sonarr/large
echo data >/srv/other/data
echo data >/srv/admins/data

snapshots() { # NAME
    zfs list -H -t snapshot -o name -s createtxg -d 1 "tank/services/$1" | sed 's/.*@//'
}
held() { # NAME
    zfs list -H -p -t snapshot -o userrefs,name "tank/services/$1" | sed -n 's/^1\t.*@//p'
}
round() { # HOURS: as if that long had passed.
    time_passes $((3600 * $1))
    systemctl start storage-snapshots
}
round 0
first=$(snapshots sonarr)
assert_matches "$first" '^autosnap_[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9:]{8}_hourly$'
assert_eq "$first" "$(snapshots other)" 'of one moment'
assert_eq '' "$(snapshots admins)"
assert_eq "$first" "$(held sonarr)"
assert_eq "$(zfs get -Hp -o value createtxg "tank/services/sonarr@$first")" \
    "$(zfs get -Hp -o value createtxg "tank/services/other@$first")" 'at once'

# What an admin's file covers cannot be told: nothing is taken or pruned, and nothing is forgotten of what is held.
mv /etc/sanoid/sanoid.conf /etc/sanoid/away
mkdir /etc/sanoid/sanoid.conf
time_passes 3600
assert_exit 1 systemctl start storage-snapshots
assert_status storage-snapshots.service '/etc/sanoid/sanoid.conf: it cannot be read, and may cover any dataset'
assert_eq "$first" "$(snapshots sonarr)"
assert_eq 2 "$(grep -l '"doubt": "' /var/lib/preseed/protection/*.json | wc -l)"
rmdir /etc/sanoid/sanoid.conf
mv /etc/sanoid/away /etc/sanoid/sanoid.conf
systemctl start storage-snapshots
assert_eq 2 "$(snapshots sonarr | wc -l)"
assert_exit 1 grep '"doubt": "' /var/lib/preseed/protection/*.json
first=$(held sonarr)

# One dataset is missing, and another one has no more snapshots than an admin wants, which does not bind root: those that are
# there are taken, and the one that is missing is named.
zfs set snapshot_limit=2 tank/services/sonarr
before=$(snapshots sonarr | tail -n 1)
declare_service gone <<<'snapshots.policy = "short"'
reload
round 1
newest=$(snapshots sonarr | tail -n 1)
[[ $newest != "$before" ]] || fail 'none was taken'
assert_eq "$newest" "$(snapshots other | tail -n 1)"
assert_journal storage-snapshots.service '^gone: nothing of it is pruned or forgotten: gone: nothing says that what lies there is its data'
rm /etc/preseed/services/gone.toml
reload

# Pruned by policy, and the hold moves on.
for hours in 1 1 21; do round "$hours"; done
assert_eq 2 "$(snapshots other | wc -l)" "the newest is held: $(snapshots other | xargs)"
second=$(held sonarr)
[[ $second != "$first" ]] || fail 'the hold has not moved on'

# Most of the data is gone, and what is expected is there: it is snapshotted, and nothing of it is pruned.
rm /var/lib/sonarr/large
for hours in 22 1 1; do round "$hours"; done
assert_eq "$second" "$(held sonarr)"
zfs list "tank/services/sonarr@$second"
assert_journal storage-snapshots.service "sonarr: tank/services/sonarr@$second of .* is held, and nothing of it is pruned or forgotten: .*most of the data has vanished"
assert_contains "$(journalctl --boot --output=cat PRESEED_ERROR=in-doubt)" 'most of the data has vanished'
assert_exit 1 zfs destroy "tank/services/sonarr@$second"
assert_eq 5 "$(snapshots sonarr | wc -l)"
assert_eq 3 "$(snapshots other | wc -l)" 'two, and the one that is held'


# Its data is gone: no snapshots of that are taken.
systemctl stop sonarr
lose_data /var/lib/sonarr
round 1
assert_eq 5 "$(snapshots sonarr | wc -l)"
assert_eq "$second" "$(held sonarr)"
zfs hold mine "tank/services/sonarr@$second"
echo "$second" >/var/tmp/second
date +%s >/var/tmp/now

#: reboot
set_clock "$(cat /var/tmp/now)"
# The snapshots that are newer lack what was lost, and hold all that is expected.
assert_series 'The Expanse'
second=$(cat /var/tmp/second)
assert_eq 'mine
preseed:good' "$(zfs holds -H "tank/services/sonarr@$second" | cut -f 2 | sort)"
systemctl start storage-snapshots
zfs list "tank/services/sonarr@$second"
# Its owner says that it is right. The hold moves on, and that of somebody else stays.
assert_exit 0 preseedctl accept sonarr
systemctl start storage-snapshots
assert_eq 'mine' "$(zfs holds -H "tank/services/sonarr@$second" | cut -f 2)"
