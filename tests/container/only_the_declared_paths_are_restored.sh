# `paths` restores these paths and nothing else, with the log that belongs to a database that is checked. If a
# snapshot holds something, but none of them, that is no first start.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
install -d -o sonarr /var/lib/sonarr/MediaCover/1
touch /var/lib/sonarr/MediaCover/1/cover.jpg '/var/lib/sonarr/config*xml'
sqlite3 /var/lib/sonarr/sonarr.db '.dbconfig no_ckpt_on_close on' 'PRAGMA journal_mode = WAL' 'CREATE TABLE in_the_log (x)'
backup_sonarr
lose_data /var/lib/sonarr

declare_sonarr 'paths = ["config.xml", "sonarr.db"]' 'verify = [{ sqlite = "sonarr.db" }]'
reload
assert_exit 0 preseedctl plan sonarr
systemctl start preseed-sonarr
assert_contains "$(sqlite3 /var/lib/sonarr/sonarr.db .tables)" in_the_log
systemctl start sonarr
assert_series 'The Expanse'
assert_absent /var/lib/sonarr/MediaCover '/var/lib/sonarr/config*xml'
assert_eq 700 "$(stat -c %a /var/lib/sonarr)" 'the mode of the directory'

systemctl stop sonarr
lose_data /var/lib/sonarr
declare_sonarr 'expect = []' 'paths = ["other.db"]'
assert_exit 1 systemctl start sonarr
assert_status preseed-sonarr.service 'Status: .*it lacks other.db, and holds .*MediaCover.*: it may hold the data all the same'
