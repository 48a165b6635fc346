# Root's cp copies single paths out of a snapshot. The service's user tries all the while to put a link where they go,
# and another user tries to stand there. Neither succeeds: the data comes back, and no file of root's is touched.

declare_default_host
printf 'u app -\nu spy -\n' | systemd-sysusers -
idle_service app
declare_service app <<'EOT'
[dataset]
mountpoint = "/srv/app"
owner = "app"
group = "app"
mode = "0700"
[preseed]
tiers = ["snapshot"]
paths = ["config/config.xml", "config/covers", "config/sonarr.db"]
EOT
reload
systemctl start app
systemctl stop app
runuser -u app -- bash -c 'mkdir -p /srv/app/config/covers; cd /srv/app/config; echo x >config.xml
    echo "evil::0:0::/root:/bin/bash" >sonarr.db; for i in $(seq 500); do echo $i >covers/$i; done'
(umask 077 && echo 'root:x:0:0:root:/root:/bin/bash' >/etc/victim)
cat >/run/attack.sh <<'EOT'
while :; do
    for staged in /run/preseed/staging/app /run/preseed/private/staged /proc/*/root/run/preseed/private/staged; do
        ln -s /etc/victim "$staged/config/sonarr.db" && echo planted >/tmp/planted
        cd "$staged" && echo "stands" >/tmp/planted
    done 2>/dev/null
done
EOT
systemd-run --quiet --unit=attack-app --uid=app bash /run/attack.sh
systemd-run --quiet --unit=attack-spy --uid=spy bash /run/attack.sh
for round in 1 2 3; do
    zfs snapshot "tank/services/app@$round"
    find /srv/app -mindepth 1 -delete
    systemctl start app
    systemctl stop app
    assert_eq 'evil::0:0::/root:/bin/bash' "$(cat /srv/app/config/sonarr.db)" "round $round"
done
systemctl stop attack-app attack-spy
assert_absent /tmp/planted
assert_eq '600 root root:x:0:0:root:/root:/bin/bash' "$(stat -c '%a %U' /etc/victim) $(cat /etc/victim)"
