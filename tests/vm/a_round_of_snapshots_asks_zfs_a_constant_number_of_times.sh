# A round of snapshots asks ZFS and systemd as often for six services as for two, whether snapshots are due or none is. One
# whose data is gone, and one that is kept down, are left out of it, and the others are not.

declare_default_host
for name in one two three four five six; do
    idle_service "$name"
    printf 'snapshots.policy = "services"\ndataset.owner = "root"\n[preseed]\nexpect = ["data"]\n' | declare_service "$name"
done
reload
for name in one two three four five six; do
    systemctl start "dataset-$name"
    echo data >"/srv/$name/data"
    systemctl start "$name"
done
time_is 10:00
systemctl start storage-snapshots

# Each call leaves a line.
for program in zfs zpool systemctl; do
    real=$(command -v "$program")
    mv "$real" "$real.real"
    printf '#!/bin/sh\necho "%s $1" >>/run/calls\nexec %s.real "$@"\n' "$program" "$real" >"$real"
    chmod +x "$real"
done
# Those that take the snapshots are as many as seconds go by while Sanoid names them.
calls() { # HOURS
    time_passes $((3600 * $1))
    # Those that set the clock are not counted.
    rm -f /run/calls
    systemctl.real start storage-snapshots
    grep -v '^zfs snapshot$' /run/calls | sort | uniq -c | awk '{ print $1, $2, $3 }' | paste -sd,
    rm /run/calls
}
due=$(calls 1)
idle=$(calls 0)
mkdir /var/tmp/away
mv /etc/preseed/services/{three,four,five,six}.toml /var/tmp/away
assert_eq "$due" "$(calls 1)" 'calls where snapshots of two services are due, not of six'
assert_eq "$idle" "$(calls 0)" 'calls where none is due'
mv /var/tmp/away/* /etc/preseed/services

count() { # NAME
    zfs.real list -H -t snapshot -o name -d 1 "tank/services/$1" | grep -c hourly
}
rm /srv/one/data
mkdir -p /run/systemd/system/preseed-two.service.d
printf '[Service]\nExecStart=\nExecStart=/bin/false\n' >/run/systemd/system/preseed-two.service.d/fails.conf
systemctl.real daemon-reload
assert_exit 1 systemctl.real start preseed-two
calls 1 >/dev/null
for expected in 'one 3' 'two 3' 'three 3' 'six 3'; do
    assert_eq "${expected#* }" "$(count "${expected% *}")" "snapshots of ${expected% *}"
done
