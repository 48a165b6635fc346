# Two restores run at once, each in a mount namespace of its own. While they stand still, another pool is exported,
# and another dataset is unmounted and destroyed. The machine sees nothing of what is staged.

declare_default_host
repository_init
for name in one two; do
    cat >"/etc/systemd/system/$name.service" <<-'EOT'
	[Service]
	Type=oneshot
	RemainAfterExit=yes
	ExecStart=/bin/true
	EOT
    declare_service "$name" <<-EOT
	[dataset]
	mountpoint = "/srv/$name"
	[preseed]
	expect = ["a"]
	tiers = ["restic"]
	verify = [{ command = ["/usr/local/bin/wait-for-go"] }]
	[backup]
	repository = "local"
	tags = ["$name"]
	EOT
done
printf '#!/bin/sh\nuntil [ -e /run/go ]; do sleep 0.1; done\n' >/usr/local/bin/wait-for-go
chmod +x /usr/local/bin/wait-for-go
reload
systemctl start one two
for name in one two; do
    echo "$name" >"/srv/$name/a"
    backup "/srv/$name" "$name"
    systemctl stop "$name"
    rm "/srv/$name/a"
done
zfs create -o mountpoint=/srv/other tank/other
zfs create -o mountpoint=/srv/vaulted vault/vaulted
systemctl start --no-block one two
both_wait() { [[ $(pgrep -fc '^/bin/sh /usr/local/bin/wait-for-go') == 2 ]]; }
eventually both_wait
assert_lacks "$(cat /proc/1/mountinfo)" :preseed- 'what the machine has mounted'
seen=0
for process in $(pgrep -f '^/bin/sh /usr/local/bin/wait-for-go'); do
    # What it has begun just now is called the same for a moment.
    mounts=$(cat "/proc/$process/mountinfo" 2>/dev/null) || continue
    assert_eq 1 "$(grep -c ' - zfs ' <<<"$mounts" | sed 's/^2$/1/')" 'what a check sees of ZFS'
    assert_lacks "$mounts" tank/other 'what a check sees of ZFS'
    seen=$((seen + 1))
done
((seen >= 2)) || fail 'not both checks were looked at'
zpool export vault
zfs destroy tank/other
touch /run/go
for name in one two; do
    until [[ $(unit_state "$name") == active ]]; do
        [[ $(unit_state "preseed-$name") != failed ]] || fail "$name" "$(unit_status "preseed-$name")"
        sleep 0.1
    done
    assert_eq "$name" "$(cat "/srv/$name/a")"
done
assert_eq '' "$(zfs list -H -o name -r tank | grep -E 'preseed-(staging|check)' || true)" 'what is left of the restores'
zpool import vault
