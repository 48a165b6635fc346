# Something wrote where a place is to be mounted while it was not: mounting would hide the file. The status names it. Once it
# is moved away, the same start brings the data.

declare_default_host
declare_service app <<EOF
[dataset]
mountpoint = "/var/lib/app"
[preseed]
expect = ["db"]
[place.covers]
mountpoint = "media/covers"
EOF
idle_service app
reload
systemctl start app
systemctl stop app
echo 1 >/var/lib/app/db
echo 1 >/var/lib/app/media/covers/a.jpg
systemctl start app
systemctl stop app

umount /var/lib/app/media/covers
echo 2 >/var/lib/app/media/covers/b.jpg
assert_refused app '/var/lib/app/media/covers.*holds files .*b.jpg.* that mounting would hide'
rm /var/lib/app/media/covers/b.jpg
systemctl reset-failed
systemctl start app
assert_eq a.jpg "$(ls /var/lib/app/media/covers)"
systemctl stop app

# At boot, a place may be mounted although what it belongs in is lost.
zfs snapshot tank/services/app@1
umount /var/lib/app/media/covers
umount /var/lib/app
zfs rename -u tank/services/app tank/away
rm -rf /var/lib/app
mkdir -p /var/lib/app/media/covers
mount -t zfs -o zfsutil tank/services/app.covers /var/lib/app/media/covers
zfs rename -u tank/away tank/services/app
systemctl start app
assert_eq '1 1' "$(cat /var/lib/app/db /var/lib/app/media/covers/a.jpg | paste -sd ' ')"
mountpoint -q /var/lib/app
mountpoint -q /var/lib/app/media/covers
