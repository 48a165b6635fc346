# A declared user is made with its group and memberships before anything is given to it. If its number is somebody
# else's, or its name has another number, nothing is made and nothing is restored; a service whose data is there starts
# with a warning. What a restore brings of another number is given to the user where that is declared, and nothing else.
# also: vm

declare_default_host
repository_init
mkdir -p /root/outside
touch /root/outside/file
for name in app taken; do idle_service "$name"; done
# declare_app UID [LINE...]
declare_app() {
    declare_service app <<-EOT2
	[user]
	uid = $1
	gid = 568
	groups = ["media"]
	$(printf '%s\n' "${@:2}")
	[dataset]
	mountpoint = "/var/lib/app"
	[backup]
	repository = "local"
	tags = ["app"]
	EOT2
    reload
}
declare_app 568
systemd-sysusers --inline 'u other 569'
declare_service taken <<<$'[user]\nuid = 569\n[dataset]\nmountpoint = "/var/lib/taken"'
reload
systemctl start app
assert_eq app:x:568:568 "$(getent passwd app | cut -d: -f1-4)"
assert_eq 'app media' "$(id -nG app)"
assert_eq 'app app 750' "$(stat -c '%U %G %a' /var/lib/app)"
assert_journal dataset-app.service 'made the user `app` \(568\)'
assert_journal dataset-app.service 'made the membership of `app` in `media`'

# Its number is somebody else's: systemd-sysusers would take another one.
assert_refused taken 'the number 569 is declared for the user `taken`, and it is that of the user `other` here'
assert_exit 2 getent passwd taken
assert_absent /var/lib/taken

assert_exit 0 preseedctl check
assert_contains "$output" 'warning: /etc/preseed/services/taken.toml: the number 569 is declared for the user `taken`'

# Its name has another number, and its data is there.
mkdir /var/lib/app/library
echo data >/var/lib/app/library/book
ln /var/lib/app/library/book /var/lib/app/library/again
ln -s /root/outside /var/lib/app/library/link
chown -hR 4711:4712 /var/lib/app/library
backup /var/lib/app app
systemctl stop app
declare_app 600 'chown = "contents"'
systemctl start app
assert_journal dataset-app.service 'storage is there: .*the user `app` has the number 568 here, and 600 is declared'
assert_eq '4711:4712 app:app' "$(stat -c %u:%g /var/lib/app/library) $(stat -c %U:%G /var/lib/app)"
assert_eq 568 "$(id -u app)"
# By hand, too: what is there keeps whom it belongs to.
chown 4711:4712 /var/lib/app
assert_exit 1 preseedctl apply app
assert_contains "$output" 'the user `app` has the number 568 here, and 600 is declared'
assert_eq 4711:4712 "$(stat -c %u:%g /var/lib/app)"
# The same, and its data is lost.
systemctl stop app
lose_data /var/lib/app
assert_refused app 'the user `app` has the number 568 here, and 600 is declared'
assert_exit 1 preseedctl plan app
assert_contains "$output" 'and 600 is declared'

# What a restore brings is given to it, and nothing that a link leads to.
declare_app 568 'chown = "contents"'
systemctl reset-failed
systemctl start app
assert_eq data "$(cat /var/lib/app/library/again)"
assert_eq '' "$(find /var/lib/app ! -user app -o ! -group app)"
assert_eq '0 0' "$(stat -c %u /root/outside /root/outside/file | xargs)"

if mountpoint -q /var/lib/app; then
    # After a rollback, too.
    chown -hR 4711:4712 /var/lib/app/library
    zfs snapshot tank/services/app@before
    systemctl stop app
    lose_data /var/lib/app
    systemctl start app
    assert_journal preseed-app.service 'restored by rollback'
    assert_eq data "$(cat /var/lib/app/library/again)"
    assert_eq '' "$(find /var/lib/app ! -user app -o ! -group app)"
    assert_eq '0 0' "$(stat -c %u /root/outside /root/outside/file | xargs)"
fi

# What is refused before anything is done.
declare_service app <<<$'[user]\nname = "1st.user"\nuid = 4294967295'
assert_exit 1 preseedctl check
assert_contains "$output" '/etc/preseed/services/app.toml:2:8: user or group `1st.user` has a name that systemd-sysusers refuses'
assert_contains "$output" '/etc/preseed/services/app.toml:3:7: `4294967295` is out of range'
