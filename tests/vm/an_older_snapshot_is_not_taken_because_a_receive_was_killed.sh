# `zfs receive` is killed while it receives a replica's newest snapshot, as for want of memory. That is not the
# snapshot's fault, so no older one is taken for it. The next start brings the newest.

sonarr_with 'The Expanse'
declare_sonarr 'tiers = ["snapshot"]'
reload
zfs snapshot "$DATASET@older"
replicate "$DATASET@older"
systemctl start sonarr
add_series Firefly
systemctl stop sonarr
head -c 40000000 /dev/urandom >/var/lib/sonarr/large
zfs snapshot "$DATASET@newest"
replicate "$DATASET@newest" -i @older
destroy_sonarr

zfs_receives_half
for victim in '^zfs receive' '^zfs send -L'; do
    rm -f /run/half /run/rest
    systemctl start --no-block sonarr
    eventually test -e /run/half
    pkill --signal KILL --full "$victim"
    touch /run/rest
    eventually systemctl is-failed preseed-sonarr
    assert_not_active sonarr.service
    assert_no_journal preseed-sonarr 'vault/services/sonarr@older'
    assert_exit 1 zfs list "$DATASET:preseed-staging"
    systemctl reset-failed
done
starts_with 'The Expanse' Firefly
assert_journal preseed-sonarr 'restored by snapshot from vault/services/sonarr@newest'
