# shellcheck shell=bash disable=SC2154
# Rounds of the last three days have taken snapshots of all places, and hold the last good ones. After the next one the holds
# are to move on, and then what is older is to be pruned. Each proof is a check on a clone that is thrown away.

cat >>/etc/preseed/preseed.toml <<'EOT'

[snapshot-policy.short]
hourly = 1
EOT
cat >/etc/preseed/services/sonarr.toml.d/policy.toml <<'EOT'
[preseed]
verify = [{ sqlite = "sonarr.db" }]
[snapshots]
policy = "short"
EOT
reload
# Only what is cut is to run.
systemctl --quiet mask --now storage-snapshots.timer
systemctl start sonarr
# In the middle of an hour: what is due is the same however long it takes.
now=$(date --date 'today 12:10' +%s)
for hours in 72 48 47; do
    date --set "@$((now - 3600 * hours))" >/dev/null
    systemctl start storage-snapshots
    systemctl start storage-snapshots-proof
done
systemctl stop sonarr
echo "$now" >/var/tmp/now
assert_eq 3 "$(zfs list -H -t snapshot -o userrefs -r tank/services | grep -c 1)"
assert_eq 6 "$(zfs list -H -t snapshot -o name -r tank/services | grep -c autosnap)"
