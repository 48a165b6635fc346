# The backup of /srv goes on for long after the service's data was lost. Not every one of these is looked into; but once an
# older one has the data, so are those that were left out before it: newer data is not passed over.

declare_default_host
repository_init
idle_service app
declare_service app <<'EOT'
[dataset]
mountpoint = "/srv/app"
[preseed]
expect = ["a.db"]
[backup]
repository = "local"
EOT
reload
systemctl start app
systemctl stop app
back_up() {
    in_repository backup --quiet --host "$(hostname)" /srv
}
for version in 1 2 3; do
    echo "$version" >/srv/app/a.db
    back_up
done
rm -rf /srv/app
echo other >/srv/other
for ((lost = 0; lost < 18; lost++)); do
    back_up
done
systemctl start app
assert_eq 3 "$(cat /srv/app/a.db)"
