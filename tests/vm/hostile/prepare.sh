# shellcheck shell=bash disable=SC2154
# A machine with the services of the user Mallory, one for each way to restore, with one of a neighbour, and with what must
# never change. `$backend` is zfs or directory.

umask 022
printf 'u mallory -\nu neighbour -\nu bystander -\n' | systemd-sysusers -
repository_init
declare_default_host
[[ $backend == zfs ]] || sed -i -e 's/^backend = .*/backend = "directory"/' -e '/^parent/d' /etc/preseed/preseed.toml
if [[ $backend == zfs ]]; then
    declare_vault
fi
cat >/usr/local/bin/check-data <<'EOT'
#!/bin/bash
# As a check of an admin's would be: it reads what there is.
[[ -f $1/data ]] && find "$1" -maxdepth 3 -type f -size -64k -exec cat {} + >/dev/null 2>&1
sleep 0.5
[[ -f $1/data ]]
EOT
chmod 0755 /usr/local/bin/check-data

# service NAME OWNER MOUNTPOINT TIERS LINE...
service() {
    cat >"/etc/systemd/system/$1.service" <<-'EOT'
	[Service]
	Type=oneshot
	RemainAfterExit=yes
	ExecStart=/bin/true
	EOT
    declare_service "$1" <<-EOT
	$([[ $backend == directory ]] || echo 'snapshots.policy = "services"')
	[dataset]
	mountpoint = "$3"
	owner = "$2"
	group = "$2"
	mode = "0700"
	[preseed]
	tiers = [$4]
	expect = ["data"]
	on-partial = "restore"
	$([[ $2 != mallory ]] || echo 'stall-timeout = "10s"')
	$(printf '%s\n' "${@:5}")
	[backup]
	repository = "local"
	tags = ["$1"]
	schedule = "daily"
	EOT
}
sqlite='verify = [{ sqlite = "app.db" }]'
command='verify = [{ command = ["/usr/local/bin/check-data"] }]'
paths='paths = ["data", "config/app.xml", "config/covers", "app.db"]'
install -d -o mallory -g mallory /srv/mallory /srv/mallory/deep
if [[ $backend == zfs ]]; then
    service rollback mallory /srv/t-rollback '"rollback", "snapshot"' "$command"
    service clone mallory /srv/t-clone '"snapshot"' "$sqlite"
    service paths mallory /srv/t-paths '"snapshot"' "$paths"
    service receive mallory /srv/t-receive '"snapshot"' "$command"
    service restic mallory /srv/mallory/restic '"restic"' "$sqlite"
else
    service sqlite mallory /srv/t-sqlite '"restic"' "$sqlite"
    service command mallory /srv/t-command '"restic"' "$command"
    service home mallory /srv/mallory/deep/home '"restic"' "$command"
    service picked mallory /srv/t-picked '"restic"' "$paths" "$sqlite"
fi
service neighbour neighbour /srv/neighbour '"restic"'
reload

# What must never change.
secret='of another user, for nobody else'
(umask 077 && tee /etc/victim /root/victim <<<"$secret" >/dev/null)
install -d /etc/victim.d
install -d -m 0700 -o bystander -g bystander /srv/bystander
(umask 077 && echo "$secret" >/srv/bystander/secret)
chown bystander /srv/bystander/secret
install -d -m 0700 /srv/other
if [[ $backend == zfs ]]; then
    zfs create -o mountpoint=/srv/other tank/other
    chmod 0700 /srv/other
fi
(umask 077 && echo "$secret" >/srv/other/secret)

services=()
for file in /etc/preseed/services/*.toml; do
    name=$(basename "$file" .toml)
    [[ $name == neighbour ]] || services+=("$name")
done
for name in "${services[@]}" neighbour; do
    place=$(sed -n 's/^mountpoint = "\(.*\)"/\1/p' "/etc/preseed/services/$name.toml")
    systemctl start "$name"
    systemctl stop "$name"
    if [[ $name == neighbour ]]; then
        (umask 077 && echo "$secret" | tee "$place/data" >"$place/secret")
        chown neighbour:neighbour "$place"/*
        fingerprint "$place" | grep -v ' \.$' >/var/tmp/neighbour
        backup "$place" "$name"
        continue
    fi
    runuser -u mallory -- python3 /usr/lib/preseed-tests/hostile/mallory.py fill "$place"
    case $name in
    restic | sqlite | command | home | picked) backup "$place" "$name" ;;
    receive)
        zfs snapshot tank/services/receive@good
        zfs send tank/services/receive@good | zfs receive -u vault/services/receive
        zfs destroy tank/services/receive@good
        ;;
    *) zfs snapshot "tank/services/$name@good" ;;
    esac
done
printf '%s\n' "${services[@]}" >/var/tmp/services
# The machine is prepared.
[[ $backend == directory ]] || zpool sync
sync
