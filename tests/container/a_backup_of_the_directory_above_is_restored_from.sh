# The nightly backup is of all of /srv and not of each service. A lost service is restored from its part of it. A
# service that was never in it starts for the first time; one that a backup with other tags holds is in doubt. The
# newest backup may have been made after the loss. An older backup of the service's own path is not taken before it,
# and a link on the way hides nothing.

declare_default_host
repository_init
service() { # NAME LINE...
    cat >"/etc/systemd/system/$1.service" <<-'EOT'
	[Service]
	Type=oneshot
	RemainAfterExit=yes
	ExecStart=/bin/true
	EOT
    declare_service "$1" <<-EOT
	[dataset]
	mountpoint = "/srv/$1"
	[preseed]
	expect = ["a.db"]
	[backup]
	repository = "local"
	$(printf '%s\n' "${@:2}")
	EOT
}
service app
service tagged 'tags = ["tagged"]'
service new
service moved
service linked
service both
sed -i 's|/srv/linked|/srv/link/linked|' /etc/preseed/services/linked.toml
mkdir /var/real
ln -s /var/real /srv/link
reload
systemctl start app tagged moved linked both
echo old >/srv/moved/a.db
in_repository backup --quiet --host "$(hostname)" --time '2026-01-01 00:00:00' /srv/moved
for name in app tagged moved link/linked; do echo "$name" >"/srv/$name/a.db"; done
echo other >/srv/other
# All together, each with its own path.
echo both >/srv/both/a.db
in_repository backup --quiet --host "$(hostname)" /srv/both /etc/hostname /srv/other
mv /srv/both /var/tmp/both
in_repository backup --quiet --host "$(hostname)" /srv
systemctl stop app tagged moved linked both
rm -rf /srv/{app,tagged,moved,link/linked} /var/lib/preseed
in_repository backup --quiet --host "$(hostname)" /srv

systemctl start app
assert_eq app "$(cat /srv/app/a.db)"
assert_eq a.db "$(ls -A /srv/app)"
systemctl start both
assert_eq a.db "$(ls -A /srv/both)"
assert_eq both "$(cat /srv/both/a.db)"
systemctl start moved
assert_eq moved "$(cat /srv/moved/a.db)"
assert_refused linked 'it holds /srv/link/linked only as a link'
systemctl start new
assert_journal preseed-new.service 'a first start'
assert_refused tagged "2 snapshots of /srv of host $(hostname) without tags, the newest of them of .*tags = \[\]"
service tagged 'tags = []'
reload
systemctl start tagged
assert_eq tagged "$(cat /srv/tagged/a.db)"
