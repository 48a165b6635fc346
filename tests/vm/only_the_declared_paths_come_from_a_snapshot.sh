# `paths` are copied out of a local snapshot, or out of the replica once the dataset is gone, with owners, times and
# holes, and nothing else. A rollback would bring everything: it is left out, and the plan says so.

declare_default_host
declare_vault
repository_init
declare_sonarr 'paths = ["config.xml", "sonarr.db", "MediaCover/1"]'
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
install -d -o sonarr -m 0710 /var/lib/sonarr/MediaCover/1 /var/lib/sonarr/MediaCover/2
truncate -s 64M /var/lib/sonarr/MediaCover/1/sparse
setfattr -n user.comment -v 'of a file' /var/lib/sonarr/MediaCover/1/sparse
touch -d '2001-02-03 04:05:06.789012345' /var/lib/sonarr/MediaCover/1/sparse /var/lib/sonarr/MediaCover/1
rm -rf /var/tmp/wanted
cp -a /var/lib/sonarr /var/tmp/wanted
rm -r /var/tmp/wanted/MediaCover/2
touch -d '2001-02-03' /var/tmp/wanted /var/tmp/wanted/MediaCover
fingerprint /var/tmp/wanted >/var/tmp/before
zfs snapshot tank/services/sonarr@one
zfs send tank/services/sonarr@one | zfs receive -u vault/services/sonarr
lose_data /var/lib/sonarr

assert_exit 0 preseedctl plan sonarr
assert_contains "$output" 'only `paths` are to be restored, and a rollback brings back everything'
restored() {
    systemctl start preseed-sonarr
    touch -d '2001-02-03' /var/lib/sonarr /var/lib/sonarr/MediaCover
    assert_same_tree /var/tmp/before /var/lib/sonarr
    systemctl start sonarr
    assert_series 'The Expanse'
    systemctl stop sonarr
}
restored
assert_journal preseed-sonarr.service 'restored by snapshot from tank/services/sonarr@one'

zfs destroy -r tank/services/sonarr
zfs destroy -r "$(kept_datasets)"
systemctl restart dataset-sonarr
restored
assert_journal preseed-sonarr.service 'restored by snapshot from vault/services/sonarr@one'
