# An unmarked directory holds something, but nothing of what is expected. That may be the service's data under names
# it uses since an upgrade: the service does not start, and its status has the three ways out. What a package makes,
# as `skeleton` declares, is restored over and kept aside.
# also: vm

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
backup_sonarr
unknown() { # somebody makes the directory anew
    if mountpoint -q /var/lib/sonarr; then
        umount /var/lib/sonarr
        zfs destroy tank/services/sonarr
    else
        rm -rf /var/lib/sonarr
    fi
    systemctl restart dataset-sonarr
}
unknown
echo 'of today' >/var/lib/sonarr/sonarr-v2.db
install -d /var/lib/sonarr/conf/d
echo default >/var/lib/sonarr/conf/d/README
fingerprint /var/lib/sonarr >/var/tmp/before

assert_exit 1 preseedctl plan sonarr
assert_refused sonarr 'it holds conf, sonarr-v2.db, which may be the service.s data, .*: in /etc/preseed/services/sonarr.toml, correct .expect. .*add what a package makes to .skeleton., or declare .on-partial = "restore".'
assert_same_tree /var/tmp/before /var/lib/sonarr

# The first way out.
declare_sonarr 'expect = ["sonarr-v2.db"]' 'tiers = ["restic"]'
reload
systemctl start preseed-sonarr
assert_journal preseed-sonarr.service 'data is there already: adopted'

# The second one: only all of it.
unknown
echo 'of today' >/var/lib/sonarr/sonarr-v2.db
install -d /var/lib/sonarr/conf/d
echo default >/var/lib/sonarr/conf/d/README
declare_sonarr 'skeleton = ["conf/d/README"]'
reload
assert_refused sonarr 'add what a package makes to .skeleton.'

rm /var/lib/sonarr/sonarr-v2.db
systemctl reset-failed
systemctl start sonarr
assert_series 'The Expanse'
assert_journal preseed-sonarr.service 'restored by restic .*; what it replaced is kept as '
systemctl stop sonarr

# The third one.
unknown
echo 'of today' >/var/lib/sonarr/sonarr-v2.db
declare_sonarr 'on-partial = "restore"'
reload
systemctl start sonarr
assert_series 'The Expanse'
systemctl stop sonarr

# Where nothing is expected, it is no data either: neither in the directory nor in a backup.
unknown
install -d /var/lib/sonarr/conf/d
echo default >/var/lib/sonarr/conf/d/README
backup_sonarr
declare_sonarr 'expect = []' 'skeleton = ["conf"]'
reload
systemctl start sonarr
assert_series 'The Expanse'
assert_journal preseed-sonarr.service 'passed over .*: it holds nothing but what a package makes'
