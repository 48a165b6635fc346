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
    in_repository backup --quiet --host "$(hostname)" --time "$1" /srv
}
for version in 1 2 3; do
    echo "$version" >/srv/app/a.db
    back_up "2025-01-0$version 00:00:00"
done
rm -rf /srv/app
echo other >/srv/other
back_up '2025-02-01 00:00:00'
mapfile -t eighteen < <(for day in {11..27}; do printf '%s\n' "$(hostname)" "2025-02-${day}T00:00:00Z"; done)
store_again "${eighteen[@]}"
assert_eq 21 "$(in_repository list snapshots | wc -l)"
systemctl start app
assert_eq 3 "$(cat /srv/app/a.db)"
