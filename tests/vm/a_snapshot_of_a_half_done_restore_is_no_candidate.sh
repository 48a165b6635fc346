# While restic restores, somebody takes a recursive snapshot, which includes half of the data. It is destroyed before
# the restore takes its place. If somebody holds it, it is left, and is never a candidate: neither here nor in a
# replica.

sonarr_with 'The Expanse'
declare_sonarr 'expect = []'
reload
backup_sonarr
lose_data /var/lib/sonarr

restic=$(command -v restic)
# while_restic_restores COMMAND: it is run when restic has done its part.
while_restic_restores() {
    cat >/usr/local/sbin/restic <<-EOT
	#!/bin/bash
	$restic "\$@" || exit
	[[ " \$* " != *' restore '* ]] || { $1; } >&2
	EOT
    chmod +x /usr/local/sbin/restic
}

while_restic_restores 'zfs snapshot -r tank/services@hourly'
starts_with 'The Expanse'
assert_journal preseed-sonarr.service 'restored by restic'
assert_exit 1 zfs list "$DATASET@hourly"
assert_properties "$DATASET" preseed:half-done=-

# Held.
lose_data /var/lib/sonarr
zfs list -H -o name -t snapshot -r tank/services | xargs -rn 1 zfs destroy
while_restic_restores "zfs snapshot -r tank/services@held && zfs hold keep $DATASET:preseed-staging@held"
starts_with 'The Expanse'
rm /usr/local/sbin/restic
held=$(zfs get -H -p -o value guid "$DATASET@held")
assert_properties "$DATASET" "preseed:half-done=$held"

systemctl start sonarr
add_series Firefly
systemctl stop sonarr
backup_sonarr
lose_data /var/lib/sonarr
replicate "$DATASET@held"
assert_exit 0 preseedctl plan sonarr
assert_lacks "$output" @held
starts_with 'The Expanse' Firefly
assert_journal preseed-sonarr.service 'restored by restic'

# The list goes on with what replaces the dataset.
zfs snapshot "$DATASET@good"
lose_data /var/lib/sonarr
zfs snapshot "$DATASET@empty"
starts_with 'The Expanse' Firefly
assert_journal preseed-sonarr.service "restored by snapshot from $DATASET@good"
assert_properties "$DATASET" "preseed:half-done=$held"

# Nor when the dataset is gone, and the replica is all there is besides the repository.
umount /var/lib/sonarr
zfs rename "$DATASET" tank/away
preseedctl forget --yes sonarr
assert_exit 0 preseedctl plan sonarr
assert_lacks "$output" @held
starts_with 'The Expanse' Firefly
assert_properties "$DATASET" "preseed:half-done=$held"
