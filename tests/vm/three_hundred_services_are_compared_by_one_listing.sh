# However many services there are: `diff` lists their datasets once.

declare_default_host
zfs create -o mountpoint=none tank/services
for number in $(seq 300); do
    declare_service "app$number" <<<$'[dataset]\natime = "off"\n[preseed]\ntiers = ["snapshot"]\nunit = "app'"$number"$'.service"'
done
# Twenty of them are there.
for number in $(seq 20); do
    zfs create -o atime=off -o canmount=noauto -o mountpoint="/srv/app$number" "tank/services/app$number"
done
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
# And the pools once, for those that are missing.
assert_eq 2 "$(calls preseedctl diff)"
assert_eq 280 "$(grep -c 'is not there' /var/tmp/told)"
