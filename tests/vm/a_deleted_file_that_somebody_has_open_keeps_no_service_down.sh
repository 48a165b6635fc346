# Somebody reads, or even writes to, a file that was deleted with the data. Nobody else can ever see what becomes of
# it, so it stops no restore, whatever the tier. The kernel forbids a rollback in place then; the next tier restores.
# A shell that stands there can write nothing any more. Somebody who writes to a file with a name stops the restore,
# and is named.

sonarr_with 'The Expanse'
backup_sonarr
mkdir /srv/look
mount --bind /var/lib/sonarr /srv/look

for mode in '<' '>>'; do
    zfs snapshot "$DATASET@good"
    lose_data /var/lib/sonarr
    touch /var/lib/sonarr/some.log
    systemd-run --quiet --unit=holder --property=PrivateTmp=yes \
        bash -c "exec 3$mode/var/lib/sonarr/some.log && rm /var/lib/sonarr/some.log && exec sleep 1000"
    eventually test ! -e /var/lib/sonarr/some.log
    (cd /srv/look && exec sleep 1000) &
    shell=$!
    eventually stands_in "$shell" /srv/look

    # In place, or beside it.
    declare_sonarr 'tiers = ["rollback", "snapshot"]'
    reload
    starts_with 'The Expanse'
    assert_journal preseed-sonarr.service "restored by snapshot from $DATASET@good"
    assert_exit 1 touch "/proc/$shell/cwd/by-the-shell"
    assert_contains "$output" 'Read-only file system'
    assert_eq "$(stat -c %d:%i /var/lib/sonarr)" "$(stat -c %d:%i /srv/look)" 'what the bind mount shows'
    touch /var/lib/sonarr/now /srv/look/now
    rm /var/lib/sonarr/now

    # What they use is not released.
    assert_exit 1 preseedctl release "$(kept_datasets | tail -n 1)"
    systemctl stop holder
    kill "$shell"
    wait "$shell" || true

    # By a copy.
    declare_sonarr 'tiers = ["restic"]'
    reload
    lose_data /var/lib/sonarr
    touch /var/lib/sonarr/some.log
    systemd-run --quiet --unit=holder bash -c "exec 3$mode/var/lib/sonarr/some.log && rm /var/lib/sonarr/some.log && exec sleep 1000"
    eventually test ! -e /var/lib/sonarr/some.log
    starts_with 'The Expanse'
    assert_journal preseed-sonarr.service 'restored by restic'
    systemctl stop holder
done

# It has a name, below an entry that does not count.
declare_sonarr 'tiers = ["restic"]' 'ignore = ["log"]'
reload
lose_data /var/lib/sonarr
mkdir /var/lib/sonarr/log
systemd-run --quiet --unit=holder bash -c "exec 3>/var/lib/sonarr/log/today && exec sleep 1000"
eventually test -e /var/lib/sonarr/log/today
assert_refused sonarr 'it cannot be replaced: process [0-9]+ \((bash|sleep), of holder.service\) has /var/lib/sonarr/log/today open for writing.*systemctl stop holder.service'
assert_properties "$DATASET" canmount=on mounted=yes
touch /var/lib/sonarr/log/tomorrow
systemctl stop holder
starts_with 'The Expanse'
