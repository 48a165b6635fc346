# The machine's users are stored on a dataset of its own, to which /etc/passwd is a link. That dataset is not visible
# where a restore mounts things for itself alone. The owner is known all the same.

zfs create -o mountpoint=/persist tank/persist
for file in passwd group; do
    mv "/etc/$file" /persist
    ln -s "/persist/$file" /etc
done
sonarr_with 'The Expanse'
printf '#!/bin/sh\n[ "$(stat -c %%u "$1")" = "$(id -u)" ]\n' >/usr/local/bin/check
chmod +x /usr/local/bin/check
backup_sonarr
zfs snapshot "$DATASET@good"
for tier in rollback snapshot restic; do
    declare_sonarr "tiers = [\"$tier\"]" 'verify = [{ command = ["/usr/local/bin/check"] }]'
    lose_data /var/lib/sonarr
    starts_with 'The Expanse'
    assert_journal preseed-sonarr.service "restored by $tier"
    assert_eq 'sonarr:sonarr 700' "$(stat --format='%U:%G %a' /var/lib/sonarr)"
done
