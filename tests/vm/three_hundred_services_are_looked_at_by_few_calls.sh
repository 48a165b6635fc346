# However many services there are: `diff` lists their datasets once, and `check` asks systemd and ZFS as often as for a few.

declare_default_host
zfs create -o mountpoint=none tank/services
mkdir -p /etc/preseed/services
# Some have no unit; some have one that only stands for another. Written by the shell alone, which takes no time.
for number in {1..300}; do
    unit=app$number.service
    if ((number % 3 == 0)); then
        unit=app$number.target
        printf '[Unit]\nWants=worker@%d.service\n' "$number" >"/etc/systemd/system/$unit"
    fi
    printf '[dataset]\natime = "off"\n[preseed]\nunit = "%s"\n[backup]\nrepository = "local"\nschedule = "01:%d"\n' \
        "$unit" "$((number % 60))" >"/etc/preseed/services/app$number.toml"
done
printf '[Service]\nExecStart=/bin/true\n' >/etc/systemd/system/worker@.service
systemctl daemon-reload
# Three of them are there.
for number in 1 2 3; do
    zfs create -o atime=off -o canmount=noauto -o mountpoint="/srv/app$number" "tank/services/app$number"
done
# Each call leaves a line.
for program in zfs zpool systemctl systemd-analyze; do
    real=$(command -v "$program")
    mv "$real" "$real.real"
    printf '#!/bin/sh\necho "%s $1" >>/run/calls\nexec %s.real "$@"\n' "$program" "$real" >"$real"
    chmod +x "$real"
done
calls() { # COMMAND...
    rm -f /run/calls
    "$@" >/var/tmp/told 2>&1 || true
    sort /run/calls | uniq -c | awk '{ print $1, $2, $3 }' | paste -sd,
}
# And the pools once, for those that are missing.
assert_eq '1 zfs get,1 zpool list' "$(calls preseedctl diff)"
assert_eq 297 "$(grep -c 'is not there' /var/tmp/told)"

# A calendar event that systemd cannot read is found among them, by a few calls more.
sed -i 's/^schedule.*/schedule = "25:00"/' /etc/preseed/services/app77.toml
assert_matches "$(calls preseedctl check)" '^4 systemctl show,1[0-9] systemd-analyze calendar,1 zfs get,1 zpool list$'
assert_eq 200 "$(grep -c 'there is no unit' /var/tmp/told)"
assert_eq 100 "$(grep -c 'which it stands for, does not wait' /var/tmp/told)"
assert_contains "$(grep 'systemd cannot read it' /var/tmp/told)" 'app77.toml: warning: `schedule = "25:00"`'
