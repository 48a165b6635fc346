# The repository is on a file system that is mounted some time after the services start, and an owner is known only
# once a directory service answers. Neither needs a second try.

mkdir -p /mnt/nas /srv/nas-disk
declare_host <<EOT
[storage]
backend = "directory"
[repository.local]
url = "/mnt/nas/repo"
password-file = "$PASSWORD_FILE"
EOT
REPOSITORY=/mnt/nas/repo
late() { # NAME COMMAND LINE...
    cat >"/etc/systemd/system/$1.service" <<-EOT
	[Unit]
	DefaultDependencies=no
	$(printf '%s\n' "${@:3}")
	[Service]
	Type=oneshot
	RemainAfterExit=yes
	ExecStart=/bin/sh -c 'until systemctl is-active sonarr.service | grep -q activating || systemctl list-jobs | grep -q sonarr; do sleep 0.1; done; sleep 1; $2'
	[Install]
	WantedBy=multi-user.target
	EOT
}
late nas-comes-up true
late users-come-up '/usr/sbin/useradd --system netuser' Before=nss-user-lookup.target Wants=nss-user-lookup.target
cat >/etc/systemd/system/mnt-nas.mount <<EOT
[Unit]
Requires=nas-comes-up.service
After=nas-comes-up.service
[Mount]
What=/srv/nas-disk
Where=/mnt/nas
Type=none
Options=bind,_netdev
[Install]
WantedBy=multi-user.target
EOT
cat >/etc/systemd/system/media.service <<EOT
[Unit]
After=nss-user-lookup.target
[Service]
User=netuser
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
EOT
mount --bind /srv/nas-disk /mnt/nas
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
backup_sonarr
systemctl stop sonarr
lose_data /var/lib/sonarr
declare_service media <<EOT
[dataset]
mountpoint = "/var/lib/media"
owner = "netuser"
EOT
systemctl daemon-reload
systemctl enable --quiet mnt-nas.mount nas-comes-up users-come-up media

# A plan does not wait for what a start waits for, and says so.
umount /mnt/nas
eventually eval '! systemctl is-active mnt-nas.mount'
assert_exit 1 preseedctl plan sonarr
assert_contains "$output" "a start first waits for mnt-nas.mount; this plan does not"

#: reboot
assert_active sonarr.service media.service mnt-nas.mount
assert_series 'The Expanse'
assert_no_journal preseed-sonarr.service 'no repository'
assert_eq netuser "$(stat -c %U /var/lib/media)"
