# A week of rounds: what a policy keeps is kept, what it does not goes, and each day the hold moves to a snapshot that has proved
# itself. The machine is booted anew once, and loses its power once: nothing of the week is lost by that.
# needs: zfs
# long: it has fourteen rounds and three boots

declare_default_host
cat >>/etc/preseed/preseed.toml <<'EOT'

[snapshot-policy.week]
hourly = 3
daily = 4
EOT
idle_service app
declare_service app <<'EOT'
dataset.owner = "root"
preseed.expect = ["data"]
snapshots.policy = "week"
EOT
reload
systemctl --quiet mask --now storage-snapshots.timer
systemctl start app
cat >/var/tmp/week.sh <<'EOT'
snapshots() { # KIND
    zfs list -H -t snapshot -o name -s createtxg -d 1 tank/services/app | grep "_$1\$" || true
}
held() {
    zfs list -H -t snapshot -o userrefs,name -s createtxg -d 1 tank/services/app | sed -n 's/^1\t//p'
}
round() { # DAY HOUR
    set_clock "$(date --utc --date "2031-03-0$1 $2:05" +%s)"
    echo "day $1, $2 o'clock" >/srv/app/data
    systemctl start storage-snapshots
}
# day NUMBER: at its end, what is held has proved itself in it.
day() {
    local hour
    for hour in 06 18; do round "$1" "$hour"; done
    assert_eq 1 "$(held | wc -l)" "held on day $1"
    assert_matches "$(held)" "@autosnap_2031-03-0$1_"
}
EOT
. /var/tmp/week.sh
for number in 1 2; do day "$number"; done

#: reboot
. /var/tmp/week.sh
for number in 3 4; do day "$number"; done
held >/var/tmp/held
zpool sync
sync

#: power-cut
. /var/tmp/week.sh
assert_eq "$(cat /var/tmp/held)" "$(held)"
for number in 5 6 7; do day "$number"; done
assert_eq '2031-03-06_18 2031-03-07_06 2031-03-07_18' "$(snapshots hourly | sed -E 's/.*autosnap_([^:]*):.*/\1/' | tail -n 3 | paste -sd ' ')"
assert_eq 4 "$(snapshots daily | wc -l)" "$(snapshots daily)"
[[ $(snapshots hourly | wc -l) -le 4 ]] || fail "hourly: $(snapshots hourly)"
assert_eq "day 7, 18 o'clock" "$(cat "/srv/app/.zfs/snapshot/$(snapshots hourly | tail -n 1 | sed 's/.*@//')/data")"
# Of the first days, nothing is left.
assert_lacks "$(zfs list -H -t snapshot -o name)" '2031-03-01'
