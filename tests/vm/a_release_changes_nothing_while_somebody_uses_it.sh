# A release removes all of what is kept or nothing. It removes nothing if it is mounted in a container or in a mount
# namespace that only a file keeps, if somebody stands in what was unmounted since, or if one of its snapshots is
# looked into or sent. The kernel says so. Our own hold on one ends with the dataset, not before; and what is the last good one
# of a policy expires only once there is a newer one.

sonarr_with 'The Expanse'
zfs snapshot "$DATASET@good"
lose_data /var/lib/sonarr
head -c 2M /dev/urandom >/var/lib/sonarr/half
declare_sonarr 'on-partial = "restore"' 'tiers = ["snapshot"]' 'keep-replaced = "1s"'
zfs snapshot "$DATASET@half-1"
zfs snapshot "$DATASET@half-2"
# In a copy of the host's mounts, with nothing but a file that keeps it.
touch /run/pinned
mkdir /run/pins
mount --bind /run/pins /run/pins
mount --make-private /run/pins
touch /run/pins/mnt
unshare --mount=/run/pins/mnt --propagation private true
starts_with 'The Expanse'
kept=$(kept_datasets)
refused() { # REGEX
    local before
    before=$(zfs list -H -t all -r -o name,guid tank)
    assert_exit 1 preseedctl release "$kept"
    assert_matches "$output" "^$kept: $1"
    systemctl start storage-preseed-kept
    assert_eq "$before" "$(zfs list -H -t all -r -o name,guid tank)" 'all datasets and snapshots'
}
assert_properties "$kept" mounted=no
refused 'it is mounted where no process shows it'
umount /run/pins/mnt

mkdir /run/look
systemd-run --quiet --unit=container -p PrivateMounts=yes -p MountFlags=private \
    sh -c "mount -t zfs -o zfsutil '$kept' /run/look && exec sleep infinity"
eventually sh -c "grep -q /run/look /proc/\$(systemctl show -P MainPID container)/mountinfo"
assert_properties "$kept" mounted=no
refused 'it is mounted: container.service .* at /run/look.*systemctl restart container.service'
systemctl stop container

mount -t zfs -o zfsutil "$kept" /run/look
(cd /run/look && exec sleep infinity) &
eventually stands_in $! /run/look
umount --lazy /run/look
refused 'it is mounted where no process shows it'
kill $!
wait

mount -t zfs "$kept@half-1" /run/look
refused 'it is mounted: it is mounted at /run/look'
umount /run/look

# It is sent for as long as nobody reads on.
zfs hold preseed:good "$kept@half-1"
mkfifo /run/sent
zfs send "$kept@half-2" >/run/sent &
exec {sent}</run/sent
head -c 100000 <&"$sent" >/dev/null
before=$(zfs list -H -t all -r -o name,guid tank)
assert_exit 1 preseedctl release --yes "$kept"
assert_matches "$output" "^$kept: $kept@half-2 is in use"
assert_eq "$before" "$(zfs list -H -t all -r -o name,guid tank)" 'all datasets and snapshots'
assert_eq preseed:good "$(zfs holds -H "$kept@half-1" | cut -f 2)"
cat <&"$sent" >/dev/null
wait
exec {sent}<&-

printf '[snapshots]\npolicy = "services"\n' >>/etc/preseed/services/sonarr.toml
systemctl start storage-preseed-kept
assert_journal storage-preseed-kept.service "kept on: $kept: $kept@half-1 is the last good snapshot, and no newer one has proved"
assert_eq preseed:good "$(zfs holds -H "$kept@half-1" | cut -f 2)"

assert_exit 0 preseedctl release --yes "$kept"
assert_matches "$output" "^sonarr: released $kept: freed [0-9.]+ [KM]iB, with its 2 snapshots half-1, half-2"
assert_exit 1 zfs list "$kept"
starts_with 'The Expanse'
