# A directory whose name leaves no room for when and why it was replaced is kept under a shorter one, which says neither:
# its note does. A restore of it ends as any other.

declare_default_host
repository_init
idle_service long
PLACE=/srv/$(head -c 230 /dev/zero | tr '\0' x)
declare_service long <<EOT
[dataset]
mountpoint = "$PLACE"
[preseed]
expect = ["a.db"]
ignore = ["log"]
[backup]
repository = "local"
EOT
reload
systemctl start long
echo data >"$PLACE/a.db"
backup "$PLACE"
systemctl stop long
rm "$PLACE/a.db"
mkdir "$PLACE/log"
echo line >"$PLACE/log/today"
systemctl start long
assert_eq data "$(cat "$PLACE/a.db")"
assert_matches "$(ls -A /srv)" '^\.x{230}:preseed-kept-[0-9a-z]{2}$'
assert_exit 0 preseedctl kept
assert_contains "$output" 'by a restore by restic'
preseedctl release --yes long
assert_lacks "$(ls -A /srv)" preseed-kept
