# ZFS allows a snapshot's name, with that of its dataset, 255 bytes. What a restore replaces gets a longer name, and so do its
# snapshots. Where there is room, it is put aside under as much of that name as fits; where there is none, the restore is
# refused before anything is changed, and the message has the snapshot and how long it may be.

declare_default_host
declare_vault
idle_service long
LONG=tank/services/$(head -c 166 /dev/zero | tr '\0' x)
declare_service long <<EOT
[dataset]
name = "$LONG"
mountpoint = "/srv/long"
[preseed]
expect = ["a.db"]
EOT
reload
systemctl start long
systemctl stop long

# The name of what is kept has room for these, without the reason.
echo data >/srv/long/a.db
zfs snapshot "$LONG@autosnap_2026-11-23_07:00:00_hourly"
rm /srv/long/a.db
zfs snapshot "$LONG@autosnap_2026-11-23_08:00:00_hourly"
systemctl start long
assert_eq data "$(cat /srv/long/a.db)"
systemctl stop long
assert_matches "$(kept_datasets)" ':preseed-kept-[0-9T]*\.[0-9]*Z$'
preseedctl kept | grep 'by a restore by clone'
preseedctl release --yes long
assert_eq '' "$(kept_datasets)"

# Nor the time.
zfs snapshot "$LONG@$(head -c 58 /dev/zero | tr '\0' y)"
echo data >/srv/long/a.db
zfs snapshot "$LONG@good"
rm /srv/long/a.db
zfs snapshot "$LONG@later"
systemctl start long
assert_eq data "$(cat /srv/long/a.db)"
systemctl stop long
assert_matches "$(kept_datasets)" ':preseed-kept-[0-9a-z]{2}$'
preseedctl kept | grep 'by a restore by clone'
preseedctl release --yes long
assert_eq '' "$(kept_datasets)"

# Not for this one.
zfs snapshot "$LONG@$(head -c 59 /dev/zero | tr '\0' y)"
rm /srv/long/a.db
zfs snapshot "$LONG@empty"
older=$(zfs list -H -t all -o name -r tank)
assert_refused long "its snapshot @yyy.* would have a name of 256 bytes, and ZFS allows 255: give the snapshot a name of at most 58 bytes"
assert_exit 1 preseedctl plan long
assert_eq "$older" "$(zfs list -H -t all -o name -r tank)" 'something was changed'
assert_eq on "$(zfs get -H -o value canmount "$LONG")"
mountpoint -q /srv/long

# The cure that the message names.
zfs rename "$LONG@$(head -c 59 /dev/zero | tr '\0' y)" "$LONG@short"
systemctl reset-failed
systemctl start long
assert_eq data "$(cat /srv/long/a.db)"
systemctl stop long

# The same for the snapshots of a replica.
replica=vault/services/${LONG##*/}
zfs send "$LONG@autosnap_2026-11-23_07:00:00_hourly" | zfs receive -u "$replica"
zfs rename "$replica@autosnap_2026-11-23_07:00:00_hourly" "$(head -c 59 /dev/zero | tr '\0' z)"
umount /srv/long
zfs destroy -R "$LONG"
assert_refused long "$replica: .* its snapshot @zzz.* would have a name of 256 bytes"
assert_exit 1 zfs list "$LONG:preseed-staging"
zfs rename "$replica@$(head -c 59 /dev/zero | tr '\0' z)" good
systemctl reset-failed
systemctl start long
assert_eq data "$(cat /srv/long/a.db)"
