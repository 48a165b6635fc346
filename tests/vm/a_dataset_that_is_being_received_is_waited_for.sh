# Somebody restores the dataset by hand while the service is started: `zfs receive` is at work on it, or was
# interrupted and can continue. The dataset is not touched, the status says to wait, and the service has its data when
# the receive is done.

sonarr_with 'The Expanse'
head -c 4M /dev/urandom >/var/lib/sonarr/large
zfs snapshot "$DATASET@good"
replicate "$DATASET@good"
destroy_sonarr
mkfifo /var/tmp/go-on
is_begun() { zfs list "$DATASET"; }

{
    zfs send vault/services/sonarr@good | {
        head -c 1000000
        read -r <>/var/tmp/go-on
        cat
    } | zfs receive -o mountpoint=/var/lib/sonarr "$DATASET"
} &
eventually is_begun
assert_refused sonarr "$DATASET: it is being received just now: wait until"
assert_eq 'default' "$(zfs get -H -o source recordsize "$DATASET")" 'nothing was set on it'
echo >/var/tmp/go-on
wait %1
starts_with 'The Expanse'
assert_journal preseed-sonarr.service 'adopted'

# Cut off in the middle, by one who means to go on.
destroy_sonarr
zfs send vault/services/sonarr@good | head -c 2000000 | zfs receive -s -o mountpoint=/var/lib/sonarr "$DATASET" || true
token=$(zfs get -H -o value receive_resume_token "$DATASET")
assert_refused sonarr "$DATASET: it was received in part, and the rest is awaited: .*.zfs receive -A $DATASET."
assert_eq "$token" "$(zfs get -H -o value receive_resume_token "$DATASET")" 'what was received'
zfs send -t "$token" | zfs receive "$DATASET"
starts_with 'The Expanse'

# The snapshots that it holds are there, and a newer one is on its way: what is there is not all that is brought back.
destroy_sonarr
zfs send vault/services/sonarr@good | zfs receive -u -o mountpoint=/var/lib/sonarr "$DATASET"
zfs set mountpoint=/run/vault vault/services/sonarr
head -c 4M /dev/urandom >/run/vault/larger
zfs snapshot vault/services/sonarr@more
{
    zfs send -i @good vault/services/sonarr@more | {
        head -c 1000000
        read -r <>/var/tmp/go-on
        cat
    } | zfs receive -u "$DATASET"
} &
eventually zfs get guid "$DATASET/%recv"
assert_refused sonarr "$DATASET: it is being received just now: wait until"
echo >/var/tmp/go-on
wait %1
starts_with 'The Expanse'
assert_exists /var/lib/sonarr/larger
# Once the data is the service's, an increment that comes keeps it from nothing.
zfs rollback "$DATASET@more"
head -c 1M /dev/urandom >/run/vault/largest
zfs snapshot vault/services/sonarr@most
{
    zfs send -i @more vault/services/sonarr@most | {
        # ZFS 2.1 begins to receive once it has the second record.
        head -c 100000
        read -r <>/var/tmp/go-on
        cat
    } | zfs receive -u "$DATASET" || true
} &
eventually zfs get guid "$DATASET/%recv"
starts_with 'The Expanse'
echo >/var/tmp/go-on
wait %1

# Of an increment that was cut off, the state before it is whole: the data that is there is left alone.
destroy_sonarr
zfs send vault/services/sonarr@good | zfs receive -o mountpoint=/var/lib/sonarr "$DATASET"
zfs send -i @good vault/services/sonarr@more | head -c 2000000 | zfs receive -s "$DATASET" || true
assert_matches "$(zfs get -H -o value receive_resume_token "$DATASET")" '^1-'
starts_with 'The Expanse'
