# A dozen sandboxed units run, a monitoring container that sees all of the machine, an admin's shell in the directory,
# and a link above the mountpoint. Each tier restores all the same, and all of them keep running.
# also: vm

declare_default_host
repository_init
mkdir -p /srv/large
ln -s /srv/large /data
another_service lidarr 8990
declare_service lidarr <<EOT
[dataset]
mountpoint = "/data/lidarr"
owner = "lidarr"
group = "lidarr"
[preseed]
expect = ["sonarr.db"]
[backup]
repository = "local"
EOT
sed -i 's,/var/lib/lidarr,/data/lidarr,' /etc/systemd/system/lidarr.service
declare_sonarr
for number in {1..12}; do
    {
        printf '[Service]\nPrivateTmp=yes\nExecStart=sleep infinity\n'
        case $((number % 4)) in
        0) echo ProtectSystem=strict ;;
        1) echo ProtectSystem=full ;;
        2) printf 'ProtectHome=yes\nReadWritePaths=/var/lib\n' ;;
        3) printf 'DynamicUser=yes\nStateDirectory=sandboxed-%s\n' "$number" ;;
        esac
    } >"/etc/systemd/system/sandboxed-$number.service"
done
# What `podman run -v /:/host:ro` comes to: a private copy of all mounts, which can only be read.
cat >/etc/systemd/system/exporter.service <<'EOT'
[Service]
ExecStart=unshare --mount --propagation private sh -c 'mkdir -p /run/host && mount --rbind -o ro / /run/host && exec sleep infinity'
EOT
# And one that could write.
cat >/etc/systemd/system/agent.service <<'EOT'
[Service]
ExecStart=unshare --mount --propagation private sleep infinity
EOT
reload
systemctl start sonarr lidarr
add_series 'The Expanse'
systemctl stop sonarr lidarr
is_zfs() {
    [[ $(findmnt -n -o FSTYPE /var/lib/sonarr) == zfs ]]
}
! is_zfs || zfs snapshot "$DATASET@good"
backup_sonarr
backup /data/lidarr
others=$(printf 'sandboxed-%s ' {1..12})
# shellcheck disable=SC2086
systemctl start $others exporter agent
# Both have mounts of their own by then.
they_have_begun() {
    [[ $(ps -o comm= -p "$(systemctl show --property=MainPID --value exporter)") == sleep &&
        $(ps -o comm= -p "$(systemctl show --property=MainPID --value agent)") == sleep ]]
}
eventually they_have_begun
lose() { # DIR: all in it is gone, and an admin looks into it
    find "$1/" -mindepth 1 -delete
    (cd "$1" && exec sleep infinity) &
    eventually stands_in $! "$(readlink -f "$1")"
}
everybody_goes_on() {
    # shellcheck disable=SC2086
    assert_active ${others// /.service } exporter.service agent.service
    [[ $(jobs -r) == *sleep* ]] || fail 'the shell is gone'
}

if is_zfs; then
    lose /var/lib/sonarr
    starts_with 'The Expanse'
    assert_mark "$DATASET" rollback
    everybody_goes_on

    lose /var/lib/sonarr
    zfs snapshot "$DATASET@empty"
    starts_with 'The Expanse'
    assert_mark "$DATASET" clone
    everybody_goes_on
    # shellcheck disable=SC2086
    systemctl restart $others exporter agent
    eventually they_have_begun

    declare_sonarr 'tiers = ["restic"]'
fi
lose /var/lib/sonarr
starts_with 'The Expanse'
everybody_goes_on

lose /data/lidarr
systemctl start lidarr
assert_exists /srv/large/lidarr/sonarr.db
everybody_goes_on
