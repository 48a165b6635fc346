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
    date --set "@$(($(date +%s) + 3600 * $1))" >/dev/null
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

# Pruned by policy, and the hold moves on.
for hours in 1 1 1 21; do round "$hours"; done
assert_eq 2 "$(snapshots other | wc -l)"
second=$(held sonarr)
[[ $second != "$first" ]] || fail 'the hold has not moved on'

# The service makes itself fresh data: it is snapshotted, and nothing of it is pruned.
systemctl stop sonarr
rm -rf /var/lib/sonarr/*
systemctl stop preseed-sonarr
cat >/usr/local/bin/fresh <<'EOT'
#!/bin/sh
exec /usr/lib/preseed-tests/sonarr "$@"
EOT
restored=0
systemctl start sonarr && restored=1
assert_eq 1 "$restored"
assert_series 'The Expanse'
sonarr_pid=$(systemctl show -P MainPID sonarr)
[[ $sonarr_pid != 0 ]]
rm /var/lib/sonarr/large
for hours in 22 1 1 1 1; do round "$hours"; done
assert_eq "$second" "$(held sonarr)"
zfs list "tank/services/sonarr@$second"
assert_journal storage-snapshots.service "sonarr: tank/services/sonarr@$second of .* is held, and nothing of it is pruned or forgotten: .*most of the data has vanished"
assert_exit 1 zfs destroy "tank/services/sonarr@$second"
[[ $(snapshots sonarr | wc -l) -gt 2 ]]
assert_eq 2 "$(snapshots other | wc -l)"

#: reboot
held() { zfs list -H -p -t snapshot -o userrefs,name "tank/services/$1" | sed -n 's/^1\t.*@//p'; }
second=$(held sonarr)
[[ -n $second ]]
# Its owner says that it is right.
assert_exit 0 preseedctl accept sonarr
zfs hold mine "tank/services/sonarr@$second"
date --set "@$(($(date +%s) + 3600 * 200))" >/dev/null
systemctl start storage-snapshots
assert_eq 'mine' "$(zfs holds -H "tank/services/sonarr@$second" | cut -f 2)"
zfs list -H -p -t snapshot -o userrefs,name tank/services/sonarr | grep -c '^1' | grep 2
