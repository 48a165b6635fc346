# also: vm
# A file was deleted by mistake. `preseedctl list` shows what there is, `preseedctl restore --into` brings the file out of the
# newest snapshot that has it, and it is copied back: the service runs all the while. What is brought out is written nowhere
# else: not through a link that another user made, not into the service's own data, not over what is there.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
echo 'a picture' >/run/poster
install -d -o sonarr -g sonarr /var/lib/sonarr/MediaCover
install -o sonarr -g sonarr -m 0640 /run/poster /var/lib/sonarr/MediaCover/poster
backup_sonarr
[[ ! -d /proc/spl ]] || zfs snapshot tank/services/sonarr@covers
add_series 'Severance'
rm /var/lib/sonarr/MediaCover/poster
backup_sonarr
[[ ! -d /proc/spl ]] || zfs snapshot tank/services/sonarr@without
started=$(invocation sonarr.service)
fingerprint /var/lib/sonarr >/var/tmp/before

assert_exit 0 preseedctl list sonarr
assert_matches "$output" ' yes  local +[0-9a-f]{8}$'
assert_eq '' "$(awk 'length > 80' <<<"$output")" 'lines of more than 80 columns'
assert_exit 0 preseedctl restore sonarr --paths MediaCover/poster --into /root/out
assert_contains "$output" 'sonarr: 1 entry brought out to /root/out; the service is as it was'
assert_matches "$output" '^  takes '
assert_eq 'a picture' "$(cat /root/out/MediaCover/poster)"
assert_eq '640 sonarr' "$(stat -c '%a %U' /root/out/MediaCover/poster)"
assert_eq '700 root' "$(stat -c '%a %U' /root/out)"
assert_eq 'MediaCover' "$(ls -A /root/out)"
assert_same_tree /var/tmp/before /var/lib/sonarr
cp -a /root/out/MediaCover/poster /var/lib/sonarr/MediaCover/poster
assert_eq "$started" "$(invocation sonarr.service)" 'the service ran on'
assert_series 'The Expanse' 'Severance'

# All of a snapshot, by time and by tier.
assert_exit 0 preseedctl restore sonarr --into /root/all --tier restic
assert_exists /root/all/sonarr.db /root/all/config.xml
assert_absent /root/all/.preseed-restic
# A path as it is on the machine is understood as well.
assert_exit 0 preseedctl restore sonarr --into /root/config --paths /var/lib/sonarr/config.xml
assert_eq 'config.xml' "$(ls -A /root/config)"

# Not where it must not.
assert_exit 1 preseedctl restore sonarr --into /root/out --paths config.xml
assert_contains "$output" '/root/out: it is not empty, and nothing was brought out'
assert_exit 0 preseedctl restore sonarr --into /root/out --paths config.xml --force
assert_exists /root/out/config.xml /root/out/MediaCover/poster
assert_exit 1 preseedctl restore sonarr --into /root/out --paths config.xml --force
assert_contains "$output" '/root/out/config.xml: it is there already, and nothing was brought out'
assert_eq 'MediaCover
config.xml' "$(ls -A /root/out)"
assert_exit 1 preseedctl restore sonarr --into /var/lib/sonarr/out
assert_contains "$output" '/var/lib/sonarr/out: it is in the data of sonarr itself'
assert_absent /var/lib/sonarr/out
mkdir /mnt/same
mount --bind /var/lib/sonarr /mnt/same
assert_exit 1 preseedctl restore sonarr --into /mnt/same/out
assert_contains "$output" 'it is in the data of sonarr itself'
umount /mnt/same
mkdir -m 1777 /srv/shared
runuser -u nobody -- ln -s /etc /srv/shared/link
assert_exit 1 preseedctl restore sonarr --into /srv/shared/link/out
assert_contains "$output" 'it is a link that another user than root can have made'
assert_exit 1 preseedctl restore sonarr --into /srv/shared/link
assert_absent /etc/out /etc/sonarr.db
assert_exit 0 preseedctl restore sonarr --into /srv/shared/new --paths config.xml
assert_eq '700 root' "$(stat -c '%a %U' /srv/shared/new)"
for wrong in ../etc / . config.xml/../..; do
    assert_exit 1 preseedctl restore sonarr --into /root/wrong --paths "$wrong"
    assert_contains "$output" 'this is no path in /var/lib/sonarr'
done
assert_exit 1 preseedctl restore sonarr --into /root/wrong --paths nosuch
assert_contains "$output" 'no snapshot of before'
assert_absent /root/wrong
assert_active sonarr.service
