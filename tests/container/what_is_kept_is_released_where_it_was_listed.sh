# A directory above a service's belongs to its user, who puts a link to another directory in its place. What is kept
# where the link leads is not that user's: it is not listed as such, and goes neither by name nor by the daily timer.
# Of what was listed, nothing but itself is removed.

declare_default_host
repository_init
printf 'u app -\n' | systemd-sysusers -
idle_service app
cp /etc/systemd/system/app.service /etc/systemd/system/data.service
declare_app() { # MOUNTPOINT
    declare_service app <<EOT
[dataset]
mountpoint = "$1"
owner = "app"
group = "app"
[preseed]
expect = ["a.db"]
on-partial = "restore"
keep-replaced = "1d"
[backup]
repository = "local"
tags = ["app"]
EOT
}
declare_app /srv/home/up/data
declare_service data <<'EOT'
[dataset]
mountpoint = "/srv/data"
[preseed]
expect = ["a.db"]
on-partial = "restore"
keep-replaced = "forever"
[backup]
repository = "local"
tags = ["data"]
EOT
install -d -o app -g app /srv/home /srv/home/up
reload
for service in app data; do
    place=/srv/$service
    [[ $service == data ]] || place=/srv/home/up/data
    systemctl start "$service"
    systemctl stop "$service"
    echo data >"$place/a.db"
    backup "$place" "$service"
    rm "$place/a.db"
    echo left >"$place/left"
    systemctl start "$service"
    systemctl stop "$service"
    assert_eq data "$(cat "$place/a.db")"
done
others=$(echo /srv/.data:preseed-kept-*)
own=$(echo /srv/home/up/.data:preseed-kept-*)
assert_exists "$others/left" "$own/left"
assert_exit 0 preseedctl kept
assert_contains "$output" "$own"

long_ago() { # DIRECTORY: it has been kept for two days
    local note
    note=$(getfattr --only-values -n trusted.preseed.kept "$1")
    setfattr -n trusted.preseed.kept -v "$(sed -E 's/ age=[^ ]+//; s/( why=)/ age=172800\1/' <<<"$note")" "$1"
}
long_ago "$others"
long_ago "$own"

# The whole directory is another one.
mv /srv/home/up /srv/home/moved
ln -s /srv /srv/home/up
chown -h app:app /srv/home/up
assert_exit 1 preseedctl kept
assert_contains "$output" '/srv/home/up: it is a link that another user than root can have made'
assert_contains "$output" "$others"
assert_lacks "$output" "/srv/home/up/.data:"
assert_exit 1 preseedctl release "/srv/home/up/${others##*/}"
systemctl start storage-preseed-kept || true
assert_exists "$others/left"
rm /srv/home/up
mv /srv/home/moved /srv/home/up

systemctl reset-failed
systemctl start storage-preseed-kept
assert_absent "$own"
assert_exists "$others/left" /srv/home/up/data/a.db
