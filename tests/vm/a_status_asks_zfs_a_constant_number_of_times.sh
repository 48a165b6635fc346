# `preseedctl status` asks ZFS as often for three hundred services as for three, and tells of each the newest snapshot and
# replica; with a name, also what is held, what is kept, and how it comes back.

declare_host <<'EOT'
[storage]
parent = "tank/services"
[replica.vault]
parent = "vault/services"
EOT
zfs create -p -o mountpoint=none tank/services
zfs create -p -o mountpoint=none vault/services
service() { # NAME
    printf '[dataset]\nmountpoint = "/srv/%s"\n[preseed]\ntiers = ["rollback", "snapshot"]\nexpect = ["data"]\n[promise]\nrecovery-point = "24h"\n' "$1" |
        declare_service "$1"
    idle_service "$1"
}
for name in one two three; do service "$name"; done
reload
for name in one two three; do
    systemctl start "dataset-$name"
    echo data >"/srv/$name/data"
    zfs snapshot "tank/services/$name@now"
    systemctl start "$name"
done
zfs send tank/services/one@now | zfs receive -u vault/services/one
assert_exit 0 preseedctl status
assert_matches "$output" '^one +ok +[0-9]+[sm] adopted +[0-9]+[sm] +[0-9]+[sm] +-$'
assert_matches "$output" '^two +ok +[0-9]+[sm] adopted +[0-9]+[sm] +none +-$'

# Each call leaves a line.
for program in zfs zpool; do
    real=$(command -v "$program")
    mv "$real" "$real.real"
    printf '#!/bin/sh\necho "%s $1" >>/run/calls\nexec %s.real "$@"\n' "$program" "$real" >"$real"
    chmod +x "$real"
done
calls() { # COMMAND...
    rm -f /run/calls
    "$@" >/var/tmp/told 2>&1 || true
    wc -l </run/calls
}
three=$(calls preseedctl status)
assert_eq 5 "$three"
for number in $(seq 297); do
    printf '[dataset]\nmountpoint = "/srv/app%s"\n[preseed]\ntiers = ["rollback", "snapshot"]\n' "$number" | declare_service "app$number"
done
assert_eq "$three" "$(calls preseedctl status)" 'calls for three hundred services'
assert_eq 297 "$(grep -c '^app[0-9]* *not started' /var/tmp/told)"
rm /etc/preseed/services/app*.toml

# The worst first, with what to do.
systemctl stop one two
rm /srv/one/data
zfs destroy tank/services/two@now
assert_exit 2 preseedctl status
assert_eq 'one two three' "$(sed -n '2,4p' <<<"$output" | awk '{print $1}' | paste -sd ' ')"
assert_contains "$output" 'one: its data is gone: `systemctl restart one.service` restores it'
assert_contains "$output" 'two: nothing could restore it: there is no snapshot, no replica and no backup of it'
assert_exit 1 preseedctl status two
# A snapshot of what is empty is no copy of the data.
zfs snapshot tank/services/one@empty
assert_exit 2 preseedctl status one
assert_matches "$output" '^  snapshot  [0-9]+[sm] old, tank/services/one@empty, does not hold the data: '
assert_matches "$output" '^  recovery  snapshot would bring back vault/services/one@now'
systemctl start one
assert_exit 0 preseedctl status one
assert_matches "$output" '^  data      there, at /srv/one; restored by clone from tank/services/one@now'
assert_matches "$output" '^  kept      tank/services/one:preseed-kept-'
assert_contains "$output" '`preseedctl undo one` brings back what the last restore replaced'

# Holds of anybody, what is otherwise than declared, and a pool that is not there.
zfs hold mine tank/services/three@now
zfs set recordsize=16K tank/services/three
printf 'recordsize = "1M"\n' | sed -i '/^\[dataset\]/r /dev/stdin' /etc/preseed/services/three.toml
assert_exit 0 preseedctl status three
assert_contains "$output" 'tank/services/three@now, by somebody else: `zfs release mine tank/services/three@now` lets it go'
assert_contains "$output" 'three: recordsize is 16384, declared is 1048576'
zpool export vault
assert_exit 1 preseedctl status three
assert_contains "$output" 'whether replica vault has a copy of it is not known: vault/services/three: its pool `vault` is not imported'
