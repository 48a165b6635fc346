# The nightly backup is of all of /srv, not of each service: a lost service is restored from its part of it. One that
# was never in it starts for the first time; one that a backup with other tags holds is in doubt.

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
reload
systemctl start app tagged
for name in app tagged; do echo "$name" >"/srv/$name/a.db"; done
echo other >/srv/other
in_repository backup --quiet --host "$(hostname)" /srv
systemctl stop app tagged
rm -rf /srv/{app,tagged} /var/lib/preseed

systemctl start app
assert_eq app "$(cat /srv/app/a.db)"
assert_eq a.db "$(ls -A /srv/app)"
systemctl start new
assert_journal preseed-new.service 'a first start'
assert_refused tagged "a snapshot of /srv of host $(hostname) without tags, of .*tags = \[\]"
service tagged 'tags = []'
reload
systemctl start tagged
assert_eq tagged "$(cat /srv/tagged/a.db)"
