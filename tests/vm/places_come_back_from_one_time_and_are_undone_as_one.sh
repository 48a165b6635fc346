# `preseedctl restore --at` of a service with places: all of them come back from one point, and a cache stays as it is. The
# undo brings all of them back together, keeps what was written since, and is undone in turn. If one part cannot be put in
# place, those before it are put back. A part that is away, in use or released already is named, and nothing is changed.

declare_default_host
declare_app
idle_service app
reload
systemctl start app
state() { echo "$(app_holds) $(cat /var/lib/app/cache/tmp)"; }
echo cached >/var/lib/app/cache/tmp
fill_app then
zfs snapshot "$APP@1" "$APP.covers@1" "$APP.config@1"
THEN=$(date -u -d "@$(zfs get -Hp -o value creation "$APP@1")" +%FT%TZ)
fill_app now

# What there is: of which time all parts have a snapshot, and of which only some.
eventually is_past "$APP@1"
zfs snapshot "$APP.covers@alone"
assert_exit 0 preseedctl list app
assert_matches "$output" ' yes  all +local +1$'
assert_matches "$output" ' part 1/3 +local alone$'
assert_contains "$output" 'alone: app.config, app have none'
assert_eq '' "$(awk 'length > 80' <<<"$output")" 'lines of more than 80 columns'
assert_exit 0 preseedctl list app --json
assert_contains "$output" '"part": "app.covers"'

# Files of each part, each from its own snapshots.
assert_exit 0 preseedctl restore app --at "$THEN" --into /root/out --paths db media/covers/a.jpg /etc/app/app.conf
assert_eq 'then then then' "$(cat /root/out/db /root/out/app.covers/a.jpg /root/out/app.config/app.conf | paste -sd ' ')"
assert_exit 1 preseedctl restore app --at "$THEN" --into /etc/app/out --paths db
assert_contains "$output" 'is in the data of app.config itself'
assert_eq 'now now now cached' "$(state)"

# All of it, as it was then.
assert_exit 1 preseedctl restore app --yes
assert_matches "$output" 'differ    app.config is of .*, app is of .* older than app.covers'
assert_contains "$output" 'app.service must be stopped first'
assert_exit 0 preseedctl restore app --at "$THEN" --stop --yes
assert_contains "$output" "$APP.covers@1"
assert_eq '`preseedctl undo app` brings it back' "${output##*; }" 'the last line'
assert_eq 'then then then cached' "$(state)"
for place in /var/lib/app /var/lib/app/media/covers /etc/app /var/lib/app/cache; do
    mountpoint -q "$place"
done
assert_active app.service
assert_eq 1 "$(preseedctl kept | grep -o 'one set .*' | sort -u | wc -l)"
assert_eq 3 "$(kept_datasets | wc -l)"

# And back, with what was written since kept; and back again.
echo since >/var/lib/app/media/covers/new.jpg
assert_exit 0 preseedctl undo app --stop --yes
assert_matches "$output" 'written   since the restore 1 file, .*: new.jpg$'
assert_eq 'now now now cached' "$(state)"
assert_absent /var/lib/app/media/covers/new.jpg
assert_properties "$APP.covers" canmount=on origin=- preseed:kept=- recordsize=1048576
assert_exit 0 preseedctl undo app --stop --yes
assert_eq 'then then then cached' "$(state)"
assert_exists /var/lib/app/media/covers/new.jpg

# Another run is at work on one part: it is waited for, as the terminal says.
systemctl stop app
stand_still_with /run/preseed/lock/app.covers.lock
holder=$!
script --quiet --return --flush --command 'preseedctl undo app --yes' /var/tmp/undone </dev/null >/dev/null &
undo=$!
eventually grep "waiting: another run is at work on this service's storage" /var/tmp/undone
assert_eq 'then then then cached' "$(state)"
kill "$holder"
wait "$undo" || fail "$(</var/tmp/undone)"
assert_eq 'now now now cached' "$(state)"
assert_eq 3 "$(kept_datasets | wc -l)"

# Somebody writes to the last part: those that are in place already are put back. Nothing waits to be put in place.
exec 7>>/var/lib/app/media/covers/open
assert_exit 1 preseedctl restore app --at "$THEN" --yes
assert_contains "$output" 'nothing was replaced, and all parts are as they were'
exec 7>&-
assert_eq 'now now now cached' "$(state)"
assert_eq '' "$(zfs list -H -o name | grep preseed-staging || true)"
exec 7>>/var/lib/app/media/covers/open
assert_exit 1 preseedctl undo app --yes
exec 7>&-
assert_eq 'now now now cached' "$(state)"
assert_exit 0 preseedctl undo app --yes
assert_eq 'then then then cached' "$(state)"
assert_exit 0 preseedctl undo app --yes
assert_eq 'now now now cached' "$(state)"

# The directory that leads to a place is a link in what is restored: nothing is made where that leads.
umount /var/lib/app/media/covers
mv /var/lib/app/media /var/lib/app/aside
ln -s /etc /var/lib/app/media
zfs snapshot "$APP@link" "$APP.covers@link" "$APP.config@link"
rm /var/lib/app/media
mv /var/lib/app/aside /var/lib/app/media
systemctl start dataset-app
assert_exit 1 preseedctl restore app --snapshot link --yes
assert_absent /etc/covers
assert_eq 'now now now cached' "$(state)"
assert_eq '' "$(zfs list -H -o name | grep preseed-staging || true)"
systemctl start app
assert_eq 'now now now cached' "$(state)"
systemctl stop app

# A part is read-only, or missing.
zfs set readonly=on "$APP.config"
assert_exit 1 preseedctl restore app --at "$THEN" --yes
assert_contains "$output" "$APP.config: it has readonly=on"
assert_exit 1 preseedctl undo app --yes
zfs inherit readonly "$APP.config"
umount /etc/app
assert_exit 1 preseedctl restore app --at "$THEN" --yes
assert_contains "$output" 'app.config: its dataset is not there, or not mounted'
assert_contains "$output" 'dataset-app.service'
assert_exit 1 preseedctl undo app --yes
assert_contains "$output" 'app.config: its data is not there'
systemctl start dataset-app
assert_eq 'now now now cached' "$(state)"

# What one part had is released already: it is named, and nothing is undone.
assert_exit 1 preseedctl undo app
zfs destroy -r "$(awk '$1 == "returns" && /config/ { print $2 }' <<<"$output")"
assert_exit 1 preseedctl undo app --yes
assert_contains "$output" 'app.config: what the last restore replaced'
assert_eq 'now now now cached' "$(state)"

# One place alone, and back.
assert_exit 0 preseedctl restore app.covers --at "$THEN" --yes
assert_eq 'now then now cached' "$(state)"
assert_exit 0 preseedctl undo app --yes
assert_eq 'now now now cached' "$(state)"
systemctl start app
assert_eq 'now now now cached' "$(state)"
