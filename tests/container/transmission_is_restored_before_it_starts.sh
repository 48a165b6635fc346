# Debian's Transmission as the catalog has it, declared in two lines: its torrents are there after its directory was
# lost.
# packages: transmission-daemon transmission-cli

declare_default_host
repository_init
declare_of_catalog transmission
reload
installed
systemctl enable --quiet --now transmission-daemon
echo 'the first day of school' >/srv/photo
transmission-create --outfile /srv/photo.torrent /srv/photo >/dev/null
torrents() {
    transmission-remote --auth transmission:transmission --list
}
eventually torrents
transmission-remote --auth transmission:transmission --add /srv/photo.torrent >/dev/null
assert_contains "$(torrents)" photo
systemctl stop transmission-daemon
find /var/lib/transmission-daemon | head -30
backup_as_declared transmission
lose_data /var/lib/transmission-daemon

#: reboot
assert_active transmission-daemon.service
torrents() {
    transmission-remote --auth transmission:transmission --list
}
eventually torrents
assert_contains "$(torrents)" photo
assert_journal preseed-transmission.service 'restored by restic'
