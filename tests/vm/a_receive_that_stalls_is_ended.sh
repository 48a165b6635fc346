# The replica's side stands still in the middle of a receive. The receive is ended, the service does not start, and
# nothing half-received is left. With both sides well again, it starts with its data.

declare_default_host
declare_vault
repository_init
declare_sonarr 'stall-timeout = "6s"' 'tiers = ["snapshot"]'
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
head -c 40000000 /dev/urandom >/var/lib/sonarr/large
fingerprint /var/lib/sonarr >/var/tmp/before
zfs snapshot tank/services/sonarr@good
zfs send tank/services/sonarr@good | zfs receive -u vault/services/sonarr
umount /var/lib/sonarr
zfs destroy -r tank/services/sonarr

zfs_receives_half
systemctl start --no-block sonarr
eventually test -e /run/half
pkill --signal STOP --full '^zfs send -L'
touch /run/rest
eventually systemctl is-failed preseed-sonarr.service
assert_status preseed-sonarr.service '`zfs send .*` made no progress for 6 s \(stall-timeout\) and was ended'
assert_not_active sonarr.service
assert_exit 1 zfs list tank/services/sonarr:preseed-staging
assert_exit 1 pgrep --full '^zfs send'

# A machine under load stands still for seconds by itself, where its disk has to take in what was written.
sed -i '/^stall-timeout/d' /etc/preseed/services/sonarr.toml
reload
systemctl start sonarr
assert_series 'The Expanse'
assert_same_tree /var/tmp/before /var/lib/sonarr
