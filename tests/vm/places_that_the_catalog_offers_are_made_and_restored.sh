# What entries of the catalog offer to copy into a service's own file: their places are made, data in one is restored with the
# rest, and what can be made again is in no backup.

. /usr/lib/preseed-tests/catalog.sh
declare_default_host
repository_init
names=(frigate jellyfin postgresql)
declare_of_catalog "${names[@]}"
stubs "${names[@]}"
for name in "${names[@]}"; do
    printf 'template = "%s"\nbackup = { repository = "local", schedule = "daily" }\n' "$name" >"/var/tmp/$name.toml"
    preseedctl catalog "$name" | sed -n 's/^#     //p' >>"/var/tmp/$name.toml"
    declare_service "$name" <"/var/tmp/$name.toml"
done
reload
systemctl start "${units[@]}"
WAL=/var/lib/postgresql/17/main/pg_wal
for place in /var/lib/frigate/recordings /etc/jellyfin "$WAL"; do
    mountpoint -q "$place"
done
assert_properties tank/services/frigate.recordings recordsize=1048576
assert_eq 'jellyfin postgres' "$(stat -c %U /etc/jellyfin "$WAL" | xargs)"
echo settings >/etc/jellyfin/system.xml
mkdir "$WAL/archive_status"
echo log >"$WAL/0001"
echo film >/var/lib/frigate/recordings/film
systemctl start backup-{frigate,jellyfin,postgresql}
assert_lacks "$(in_repository ls latest --tag frigate)" film

systemctl stop "${units[@]}"
lost "${directories[@]}" 2>/dev/null || true
for dataset in tank/services/{frigate,jellyfin,postgresql}{.recordings,.config,.wal,}; do
    ! zfs list "$dataset" &>/dev/null || { umount --lazy "$(zfs get -H -o value mountpoint "$dataset")"; zfs destroy -r "$dataset"; }
done
systemctl start "${units[@]}"
assert_eq 'settings log' "$(cat /etc/jellyfin/system.xml "$WAL/0001" | xargs)"
assert_eq '' "$(ls /var/lib/frigate/recordings)"
