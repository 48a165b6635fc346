# Somebody may set user properties of a service's dataset, as tools that take snapshots may, and nothing else. That stays so
# for what a restore replaced. What preseed notes there of its time and its reason is written over: nothing is destroyed for it.

sonarr_with 'The Expanse'
zfs allow sonarr userprop tank/services
# Where udev has its rules, everybody may ask ZFS.
chmod 666 /dev/zfs
as_user() { runuser -u sonarr -- "$@"; }
zfs snapshot "$DATASET@good"
declare_sonarr 'on-partial = "restore"'
reload
lose_data /var/lib/sonarr
echo mine >/var/lib/sonarr/mine
zfs snapshot "$DATASET@empty"
starts_with 'The Expanse'
kept=$(kept_datasets)
note=$(zfs get -Hp -o value preseed:kept "$kept")
assert_exit 1 as_user zfs destroy -r "$kept"
assert_contains "$output" 'permission denied'

outlives() { # WHAT IS NOTED
    as_user zfs set preseed:kept="at=2026-01-01T00:00:00Z $1 from=" "$kept"
    systemctl start storage-preseed-kept
    zfs list "$kept" >/dev/null
}
for noted in 'why=thrown-away' 'why=unused-restore age=99999999999' 'why=before-clone age=99999999999'; do
    outlives "$noted"
done
# Neither where this machine has noted nothing, as a new one.
rm -r /var/lib/preseed/kept
for noted in 'why=thrown-away' 'why=before-clone age=99999999999'; do
    outlives "$noted"
done
# Its time has begun.
assert_matches "$(cat /var/lib/preseed/kept/*)" '^at=2026-01-01T00:00:00Z why=noted-as-thrown-away( age=[0-9]+)? counted='

# On its way back into the place by an undo that does not come to its end, it lies where copies lie that are thrown away.
zfs set "preseed:kept=$note" "$kept"
guid=$(zfs get -Hp -o value guid "$kept")
zfs=$(command -v zfs)
cat >/usr/local/sbin/zfs <<EOT2
#!/bin/bash
$zfs "\$@"
status=\$?
if [[ "\$*" == "rename -u "*":preseed-kept-"*":preseed-staging" ]]; then
    runuser -u sonarr -- $zfs inherit preseed:kept "\${*: -1}"
    runuser -u sonarr -- $zfs set preseed:state="staging of=staging by=x at=2026-01-01T00:00:00Z from=" "\${*: -1}"
    exit 1
fi
exit \$status
EOT2
chmod +x /usr/local/sbin/zfs
systemctl stop sonarr
assert_exit 1 preseedctl undo sonarr --yes
rm /usr/local/sbin/zfs
assert_eq '-' "$(zfs get -H -o value preseed:kept tank/services/sonarr:preseed-staging)"
for _ in 1 2; do
    starts_with 'The Expanse'
    assert_contains "$(zfs list -H -o guid -r tank/services)" "$guid"
done
