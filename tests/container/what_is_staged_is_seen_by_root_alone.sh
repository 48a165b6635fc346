# While a restore is staged and checked, nobody but root can see it: neither by its path nor in another process's view
# of the machine. Whatever the service's user or anybody else does meanwhile neither reaches it nor keeps it busy. The
# check sees the data at the service's own path, as the service's user, and can write to nothing but its copy.
# also: vm

declare_default_host
repository_init
printf 'u app -\nu spy -\n' | systemd-sysusers -
idle_service app
cat >/usr/local/bin/look-around <<'EOT'
#!/bin/bash
# Told to the journal by its last line, since it can write nowhere.
told="$(id -un):$(id -gn) $1 $(stat -c '%U %a' "$1") groups=$(id -G | wc -w) nnp=$(grep -c 'NoNewPrivs:.1' /proc/self/status)"
fds=$(ls /proc/self/fd | grep -vxE '[0-3]' | wc -l)
touch "$1/mine" && rm "$1/secret" || exit 41
for place in /var/tmp /run /srv /dev/shm "$HOME_OF_APP" /var/lib/of-app; do
    ! touch "${place:-/}/x" 2>/dev/null || exit 42
done
until [[ -e /run/go ]]; do sleep 0.1; done
echo "$told fds=$fds"
exit 43
EOT
chmod +x /usr/local/bin/look-around
install -d -o app /var/lib/of-app
declare_app() { # LINE...
    declare_service app <<-EOT
	[dataset]
	mountpoint = "/srv/app"
	owner = "app"
	group = "app"
	mode = "0700"
	[preseed]
	expect = ["secret"]
	tiers = ["restic"]
	$(printf '%s\n' "$@")
	[backup]
	repository = "local"
	tags = ["app"]
	EOT
    reload
}
declare_app
systemctl start app
systemctl stop app
echo 'top secret' >/srv/app/secret
chmod 0644 /srv/app/secret
install -d -o app -g app /srv/app/sub
install -m 4755 /usr/bin/id /srv/app/idsuid
chown app:app /srv/app/secret
fingerprint /srv/app >/var/tmp/before
backup /srv/app app
lose_data /srv/app

declare_app 'verify = [{ command = ["/usr/local/bin/look-around"] }]'
systemctl start --no-block app
check_runs() { pgrep -u app -f look-around; }
eventually check_runs
assert_lacks "$(cat /proc/1/mountinfo)" preseed-staging 'what the machine has mounted'
assert_lacks "$(cat /proc/1/mountinfo)" preseed-check 'what the machine has mounted'
assert_lacks "$(cat /proc/1/mountinfo)" /run/preseed/private 'what the machine has mounted'
assert_exit 2 runuser -u spy -- ls /run/preseed/private
assert_exit 2 runuser -u app -- ls /run/preseed/private
for process in $(pgrep preseed-helper); do
    assert_exit 2 runuser -u spy -- ls "/proc/$process/root/srv/app"
done
# Where spy looks, there is nothing.
assert_eq '' "$(runuser -u spy -- find /srv /var /run -name secret -o -name idsuid 2>/dev/null || true)" 'what spy finds'
touch /run/go
until [[ $(unit_state preseed-app) == failed ]]; do sleep 0.1; done
assert_status preseed-app.service 'look-around /srv/app. ended with exit status: 43: app:app /srv/app app 700 groups=1 nnp=1 fds=0'
assert_eq '' "$(ls -A /srv/app)" 'what was not restored'

declare_app
systemctl reset-failed
systemctl start app
assert_same_tree /var/tmp/before /srv/app
