# The copy does not fit: first the dataset's own quota, then the pool is full in the middle of the restore. The staged
# copy is thrown away, nothing is replaced, and the service is down and says what to do. With room, the same start
# restores.
# needs: zfs >= 2.2

sonarr_with 'The Expanse'
zfs create -o mountpoint=/var/lib/lidarr tank/services/lidarr
echo small >/var/lib/lidarr/small
head -c 20M /dev/urandom >/var/lib/sonarr/large
zfs snapshot "$DATASET@good"
replicate "$DATASET@good"
backup_sonarr
lose_data /var/lib/sonarr
zfs destroy "$DATASET@good"
sync

nothing_is_left() {
    assert_exit 1 zfs list "$DATASET:preseed-staging"
    assert_eq '' "$(kept_datasets)" 'nothing was replaced'
    assert_eq '' "$(find /var/lib/sonarr -mindepth 1)" 'nothing was half restored'
}

zfs set quota=4M "$DATASET"
assert_refused sonarr 'replica vault: .*quota exceeded.*repository local: .*quota exceeded.*raise the limit'
nothing_is_left
zfs set quota=none "$DATASET"

room=$(zfs get -H -p -o value available tank)
zfs create -o mountpoint=none -o reservation=$((room - 12000000)) tank/reserved
assert_refused sonarr 'replica vault: .*out of space.*repository local: .*(no space left|out of space).*free some'
nothing_is_left

# Data that is there needs no room.
another_service lidarr 8687
declare_service lidarr <<'END'
[dataset]
mountpoint = "/var/lib/lidarr"
owner = "lidarr"
END
reload
zfs set reservation=$((room - 100000)) tank/reserved || true
systemctl start preseed-lidarr
assert_eq success "$(systemctl show --property=Result --value preseed-lidarr)"

zfs set reservation=none tank/reserved
starts_with 'The Expanse'
assert_journal preseed-sonarr.service 'restored by snapshot from vault/services/sonarr@good'
