# With one slot for restores: a restore that waits for a repository which somebody has locked leaves the slot to one
# whose repository is free, and goes on once the lock is given back. A restore that waits for a slot says who has it.

declare_default_host
sed -i '/^backend/a max-parallel-restores = 1' /etc/preseed/preseed.toml
repository_init
in_another() {
    restic --password-file "$PASSWORD_FILE" --no-cache --quiet --repo /var/lib/another "$@"
}
repository_init /var/lib/another
cat >>/etc/preseed/preseed.toml <<EOT

[repository.another]
url = "/var/lib/another"
password-file = "$PASSWORD_FILE"
EOT
declare_sonarr
another_service radarr 8001
declare_service radarr <<'EOT'
[dataset]
mountpoint = "/var/lib/radarr"
owner = "radarr"

[backup]
repository = "another"
EOT
reload
systemctl start sonarr radarr
add_series 'The Expanse'
head -c 20000000 /dev/urandom >/var/lib/sonarr/large
head -c 20000000 /dev/urandom >/var/lib/radarr/large
backup_sonarr
in_another backup --host "$(hostname)" /var/lib/radarr
systemctl stop sonarr radarr
lose_data /var/lib/sonarr
lose_data /var/lib/radarr

lock_repository
systemctl start --no-block sonarr
eventually eval 'unit_status preseed-sonarr.service | grep "Status: \"waiting: repository local is locked by process"'
systemctl start radarr
assert_exists /var/lib/radarr/large
assert_not_active sonarr.service

# Who has the slot.
systemctl stop radarr
lose_data /var/lib/radarr
pack=$(find /var/lib/another/data -type f -size +1M -print -quit)
mv "$pack" /var/tmp/pack
mkfifo "$pack"
systemctl start --no-block radarr
eventually eval 'unit_status preseed-radarr.service | grep -q "Status: \"restoring radarr from"'
kill -CONT "$holder"
eventually eval 'unit_status preseed-sonarr.service | grep -E "Status: \"waiting for another restore to end: .*\(radarr, process [0-9]+\)"'
feed /var/tmp/pack "$pack"
rm "$pack"
mv /var/tmp/pack "$pack"
eventually systemctl is-active radarr.service
eventually systemctl is-active sonarr.service
assert_series 'The Expanse'
