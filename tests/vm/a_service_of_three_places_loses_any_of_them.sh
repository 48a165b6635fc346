# Its data, covers in it, its configuration elsewhere, and a cache: each is a dataset. Whichever is lost comes back, alone or
# with the others; what is there is left alone, and the times that differ are told. A cache is made empty.

declare_default_host
declare_app
cat >/etc/systemd/system/app.service <<'EOF'
[Unit]
StartLimitIntervalSec=0
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'test -d /var/lib/app/media/covers && : >/var/lib/app/cache/tmp'
[Install]
WantedBy=multi-user.target
EOF
reload
systemctl enable --quiet app

systemctl start app
for place in /var/lib/app /var/lib/app/media/covers /etc/app /var/lib/app/cache; do
    mountpoint -q "$place"
done
assert_eq "$(printf '%s\n' "$APP" "$APP.cache" "$APP.config" "$APP.covers")" "$(zfs list -H -o name | grep "$APP")"
assert_properties "$APP.covers" recordsize=1048576
assert_eq bootstrap "$(zfs get -H -o value preseed:state "$APP.covers" | grep -o bootstrap)"
systemctl stop app
fill_app 1
systemctl start app
systemctl stop app
zfs snapshot "$APP@1" "$APP.covers@1" "$APP.config@1"
fill_app 2

# The nested one alone: emptied, destroyed while the others are there.
rm /var/lib/app/media/covers/a.jpg
systemctl start app
assert_eq '2 1 2' "$(app_holds)"
assert_journal preseed-app.service "app.covers: restored by rollback from $APP.covers@1"
assert_journal preseed-app.service 'app.covers is of .* older than app.* which are there as of now'
systemctl stop app
assert_exit 1 preseedctl undo app --yes
assert_contains "$output" 'app.covers: the last restore was a rollback'
assert_contains "$output" 'it replaced nothing'

# The one elsewhere alone.
rm /etc/app/app.conf
zfs snapshot "$APP.config@empty"
systemctl start app
assert_eq '2 1 1' "$(app_holds)"
systemctl stop app

# The service's own, in which others are mounted: what is nested is still there afterwards.
fill_app 3
rm /var/lib/app/db
assert_exit 0 preseedctl plan app
assert_contains "$output" "would restore $APP@1"
assert_contains "$output" 'a cache: it is made empty, and never restored'
systemctl start app
assert_eq '1 3 3' "$(app_holds)"
systemctl stop app
fill_app 3
rm /var/lib/app/db
zfs snapshot "$APP@empty"
systemctl start app
assert_eq '1 3 3' "$(app_holds)"
mountpoint -q /var/lib/app/cache
systemctl stop app

# The cache alone: it is made anew.
umount /var/lib/app/cache
zfs destroy "$APP.cache"
systemctl start app
assert_eq '1 3 3' "$(app_holds)"
systemctl stop app

# All of them.
rm /var/lib/app/db /var/lib/app/media/covers/a.jpg /etc/app/app.conf
zfs snapshot "$APP.covers@empty"
zfs snapshot "$APP@empty-2"
zfs snapshot "$APP.config@empty-2"
zfs destroy -r "$APP.cache"

#: reboot
assert_active app.service
assert_eq '1 1 1' "$(app_holds)"
for place in /var/lib/app /var/lib/app/media/covers /etc/app /var/lib/app/cache; do
    mountpoint -q "$place"
done
# What was replaced is one set.
kept=$(preseedctl kept)
assert_eq 3 "$(grep -c 'one set' <<<"$kept")"
assert_eq 1 "$(grep -o 'one set .*' <<<"$kept" | sort -u | wc -l)"
one=$(zfs list -H -o name | grep "$APP.covers:preseed-kept" | tail -1)
preseedctl release --yes "$one"
assert_eq 0 "$(preseedctl kept | grep -c 'one set' || true)"
