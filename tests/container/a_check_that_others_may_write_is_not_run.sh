# Root never runs a user's program as a check, nor does root's stand-in: the program must belong to root, all the way
# to it. If the data belongs to root, a check runs as an unprivileged user, unless it says `user = "root"`. A check
# that may not read something does not blame the data.

declare_default_host
repository_init
printf 'u alice -\n' | systemd-sysusers -
idle_service app
declare_app() { # LINE...
    declare_service app <<-EOT
	[dataset]
	mountpoint = "/srv/app"
	[preseed]
	expect = ["a.db"]
	$(printf '%s\n' "$@")
	[backup]
	repository = "local"
	tags = ["app"]
	EOT
    reload
    systemctl reset-failed
}
declare_app
systemctl start app
systemctl stop app
echo data >/srv/app/a.db
backup /srv/app app
chmod 0600 /srv/app/a.db
backup /srv/app app
lose_data /srv/app

install -d -o alice /home/alice
printf '#!/bin/sh\nid >/run/who\n' >/home/alice/check
chmod 0755 /home/alice/check
declare_app 'verify = [{ command = ["/home/alice/check"] }]'
assert_matches "$(preseedctl check 2>&1)" 'app.toml: warning: /home/alice/check: .*belongs to user'
assert_refused app '/home/alice/check: it cannot be run to verify restored data: .*/home/alice.* belongs to user'
assert_absent /run/who

cat >/usr/local/bin/who-reads <<'EOT'
#!/bin/sh
cat "$1/a.db" && echo "$(id -u) reads" && exit 9
exit 1
EOT
chmod +x /usr/local/bin/who-reads
declare_app 'verify = [{ command = ["/usr/local/bin/who-reads"] }]'
assert_refused app 'could not be verified: .*who-reads /srv/app. ended with exit status: 1 as user 65534, who cannot read a.db'
assert_no_journal preseed-app.service 'passed over'

declare_app 'verify = [{ command = ["/usr/local/bin/who-reads"], user = "root" }]' 'max-candidates = 1'
assert_refused app 'who-reads /srv/app. ended with exit status: 9: 0 reads'
