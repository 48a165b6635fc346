# One restic snapshot holds a service's data, with the place that is mounted in it, and a place elsewhere. All datasets are
# destroyed. Each comes back from that snapshot with what is its own, and nothing lies below a mount. The cache is empty.

declare_default_host
repository_init
declare_service app <<EOF
[dataset]
mountpoint = "/var/lib/app"
[preseed]
tiers = ["restic"]
expect = ["db"]
[backup]
repository = "local"
$(places_of_app)
EOF
idle_service app
reload
systemctl start app
systemctl stop app
echo data >/var/lib/app/db
echo list >/var/lib/app/media/list
echo cover >/var/lib/app/media/covers/a.jpg
echo conf >/etc/app/app.conf
echo waste >/var/lib/app/cache/waste
in_repository backup --quiet --host "$(hostname)" /var/lib/app /etc/app

lose_all() {
    local dataset
    for dataset in app.covers app.cache app.config app; do
        umount "$(zfs get -H -o value mountpoint "tank/services/$dataset")"
        zfs destroy -r "tank/services/$dataset"
    done
}

all_is_back() {
    systemctl reset-failed
    systemctl start app
    assert_eq 'data list cover conf' \
        "$(cd / && cat var/lib/app/db var/lib/app/media/list var/lib/app/media/covers/a.jpg etc/app/app.conf | paste -sd ' ')"
    assert_eq '' "$(ls -A /var/lib/app/cache)"
    systemctl stop app
    # Seen from its own root.
    mkdir -p /mnt/root
    mount -t zfs -o zfsutil tank/services/app /mnt/root
    assert_eq "$(printf '%s\n' ./db ./media ./media/covers ./media/list)" \
        "$(cd /mnt/root && find . -mindepth 1 -not -path './cache*' | sort)"
    assert_eq '' "$(ls -A /mnt/root/media/covers; ls -A /mnt/root/cache 2>/dev/null)"
    umount /mnt/root
}

lose_all
all_is_back
preseedctl release --yes app

# A backup of the service's path alone holds the nested place as well.
in_repository forget --quiet latest
in_repository backup --quiet --host "$(hostname)" /var/lib/app
in_repository backup --quiet --host "$(hostname)" /etc/app
lose_all
all_is_back

# An admin brings all of it back from there over what is there, and undoes that.
echo now | tee /var/lib/app/db >/etc/app/app.conf
assert_exit 0 preseedctl restore app --yes
all_is_back
assert_exit 0 preseedctl undo app --yes
assert_eq 'now list cover now' \
    "$(cd / && cat var/lib/app/db var/lib/app/media/list var/lib/app/media/covers/a.jpg etc/app/app.conf | paste -sd ' ')"
