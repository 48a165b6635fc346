# It was restored while somebody sent the snapshot, and the machine was stopped: the next start promotes the clone, and has to
# load its key again.
zfs snapshot tank/services/sonarr@empty-2
systemctl start sonarr
systemctl stop sonarr long-send
rm -r /etc/systemd/system/dataset-sonarr.service.d
reload
assert_matches "$(zfs get -H -o value preseed:state tank/services/sonarr)" '^unpromoted '
