# The mountpoint lies in a directory of the service's own user, who puts links there while root restores. Nothing
# outside is written, and the data comes back. If another user can write to that directory, root makes and renames
# nothing in it, and says so; a service whose data is there starts. A link of root's above the mountpoint is followed.

declare_default_host
repository_init
printf 'u media -\nu other -\n' | systemd-sysusers -
service() { # NAME MOUNTPOINT
    cat >"/etc/systemd/system/$1.service" <<-'EOT'
	[Service]
	Type=oneshot
	RemainAfterExit=yes
	ExecStart=/bin/true
	EOT
    declare_service "$1" <<-EOT
	[dataset]
	mountpoint = "$2"
	owner = "media"
	group = "media"
	[preseed]
	expect = ["payload"]
	[backup]
	repository = "local"
	tags = ["$1"]
	EOT
}
install -d -o media -g media /srv/media
install -d /srv/real /etc/victim.d
ln -s /srv/real /srv/link
service own /srv/media/own
service linked /srv/link/linked
reload
for name in own linked; do
    systemctl start "$name"
    systemctl stop "$name"
done
echo 'of own' >/srv/media/own/payload
echo 'of linked' >/srv/real/linked/payload
backup /srv/media/own own
backup /srv/link/linked linked
rm -rf /srv/media/own /srv/real/linked

cat >/run/attack.sh <<'EOT'
cd /srv/media
while :; do
    for entry in own .own:* .preseed-staging; do
        rm -rf .mine
        mv "$entry" .mine 2>/dev/null && ln -s /etc/victim.d "$entry"
        rm -f "$entry"
    done
done
EOT
systemd-run --quiet --unit=attack --uid=media bash /run/attack.sh
for _ in 1 2 3 4 5; do
    systemctl start own || true
    systemctl stop own
    systemctl reset-failed
done
systemctl stop attack
assert_eq '' "$(ls -A /etc/victim.d)" 'what was written through a link'
assert_eq 'root root 755' "$(stat -c '%U %G %a' /etc/victim.d)" 'the directory a link led to'
rm -rf /srv/media/own /srv/media/.own:* /srv/media/.mine
systemctl start own
assert_eq 'of own' "$(cat /srv/media/own/payload)"
assert_eq media "$(stat -c %U /srv/media/own)"

systemctl start linked
assert_eq 'of linked' "$(cat /srv/real/linked/payload)"
assert_exit 2 ls -d /srv/.preseed-staging /srv/real/.preseed-staging /srv/media/.preseed-staging

# Of another user's: what is there starts, and nothing is made there.
systemctl stop own
chown other /srv/media
assert_matches "$(preseedctl check 2>&1)" 'own.toml: warning: /srv/media: .* belongs to user'
systemctl start own
systemctl stop own
rm -rf /srv/media/own
assert_refused own '/srv/media: root makes or renames nothing in it: /srv/media belongs to user'
install -d -o media -g media /srv/media/own
assert_refused own '/srv/media: root makes or renames nothing in it: /srv/media belongs to user'
assert_eq '' "$(ls -A /srv/media/own)"

# A file system that is mounted exactly there, with the data.
mkdir /srv/mounted
mount -t tmpfs tmpfs /srv/mounted
echo here >/srv/mounted/payload
service mounted /srv/mounted
reload
systemctl start mounted
assert_eq here "$(cat /srv/mounted/payload)"
