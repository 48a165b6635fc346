# What a restore replaced goes once it has been kept for `keep-replaced`. No clock that can be wrong counts that time,
# and it counts only while the service has its data: if the service is kept down, or has only started empty, what is
# kept may be the last copy. What belongs to no declared service goes only by hand.

declare_default_host
repository_init
cat >/etc/systemd/system/app.service <<'EOT'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=true
EOT
declare_app() { # KEEP-REPLACED
    declare_service app <<EOT
[dataset]
mountpoint = "/srv/app"
[preseed]
expect = ["a.db", "conf"]
on-partial = "restore"
keep-replaced = "$1"
[backup]
repository = "local"
EOT
}
daily() { # Oftener than that.
    systemctl reset-failed storage-preseed-kept
    systemctl start storage-preseed-kept
}
# What was noted at the last look was noted three seconds earlier. If it did not count then, there is no such time.
look_was_earlier() {
    local note
    note=$(getfattr --only-values -n trusted.preseed.kept "$kept")
    [[ $note =~ ^(.*\ counted=[^:]*:)([0-9]+)(.*)$ ]] || return 0
    setfattr -n trusted.preseed.kept -v "${BASH_REMATCH[1]}$((BASH_REMATCH[2] - 3))${BASH_REMATCH[3]}" "$kept"
}
declare_app 1s
reload
systemctl start app
systemctl stop app
echo v1 >/srv/app/a.db
echo c >/srv/app/conf
backup /srv/app
rm /srv/app/conf
echo 'the newest' >/srv/app/a.db
systemctl start app
systemctl stop app
kept=$(dirname /srv/.app:preseed-kept-*/a.db)
assert_eq 'the newest' "$(cat "$kept/a.db")"

# The data is lost again, the repository away: the service is kept down.
rm /srv/app/*
mv "$REPOSITORY" "$REPOSITORY.away"
daily
look_was_earlier
daily
assert_exit 1 systemctl start app
daily
look_was_earlier
daily
assert_exists "$kept/a.db"
# It comes back by hand, and nothing has looked yet whether it may start.
echo v2 >/srv/app/a.db
echo c >/srv/app/conf
daily
look_was_earlier
daily
assert_exists "$kept/a.db"
# It has started. Only from now on it counts.
systemctl start app
daily
assert_exists "$kept/a.db"
assert_exit 0 preseedctl kept
assert_matches "$output" 'expires   after 1s more in which the machine is up and the data there; 0s until now'
sleep 1.1
daily
assert_absent "$kept"
assert_journal storage-preseed-kept.service "released $kept"

# No wall clock makes it old.
declare_app 30d
mv "$REPOSITORY.away" "$REPOSITORY"
systemctl stop app
rm /srv/app/conf
systemctl start app
kept=$(dirname /srv/.app:preseed-kept-*/a.db)
daily
note=$(getfattr --only-values -n trusted.preseed.kept "$kept")
setfattr -n trusted.preseed.kept -v "$(sed -E 's/at=[^ ]+/at=2016-01-01T00:00:00Z/' <<<"$note")" "$kept"
daily
assert_exists "$kept"

# What an undeclared service left.
declare_app 1s
mv /etc/preseed/services/app.toml /etc/preseed/services/app.toml.away
declare_service other <<'EOT'
[dataset]
mountpoint = "/srv/other"
EOT
daily
look_was_earlier
daily
assert_exists "$kept"
assert_exit 0 preseedctl kept
assert_contains "$output" 'expires   never: its service is not declared'
