# If somebody else than root may write a declaration, a directory of declarations or a password, it is not used. What
# depends on it stays down and says why, and the rest of the machine is not touched.

declare_default_host
repository_init
declare_sonarr
another_service radarr 7878
declare_service radarr <<EOT
[dataset]
mountpoint = "/var/lib/radarr"
owner = "radarr"
group = "radarr"
EOT
reload
systemctl start sonarr radarr
add_series 'The Expanse'
backup_sonarr
systemctl stop sonarr
lose_data /var/lib/sonarr
assert_exit 0 preseedctl check

chmod g+w /etc/preseed/services/sonarr.toml

#: reboot
assert_active radarr.service multi-user.target
assert_not_active sonarr.service
assert_failed preseed-sonarr.service
assert_status preseed-sonarr.service 'sonarr\.toml:1:1: `/etc/preseed/services/sonarr\.toml` may be written by its group .*chmod go-w'
assert_exit 1 preseedctl check
assert_contains "$output" '`chmod go-w /etc/preseed/services/sonarr.toml`'
chmod g-w /etc/preseed/services/sonarr.toml

# The real file counts, and the directories on the way to it.
mkdir /srv/theirs
mv /etc/preseed/services/sonarr.toml /srv/theirs/
ln -s /srv/theirs/sonarr.toml /etc/preseed/services/
for owner in root sonarr; do
    chown "$owner" /srv/theirs
    chmod 0755 /srv/theirs
    [[ $owner == sonarr ]] || chmod o+w /srv/theirs
    reload
    assert_exit 1 systemctl start sonarr
    assert_status preseed-sonarr.service '`/srv/theirs` (belongs to user|may be written by everybody)'
done
rm /etc/preseed/services/sonarr.toml
mv /srv/theirs/sonarr.toml /etc/preseed/services/
chown sonarr /etc/preseed/services/sonarr.toml
reload
assert_exit 1 systemctl start sonarr
assert_status preseed-sonarr.service 'sonarr\.toml` belongs to user .*chown root'
chown root /etc/preseed/services/sonarr.toml

# Into a directory, anything may be put.
chmod o+w /etc/preseed/services
reload
systemctl stop radarr
assert_exit 1 systemctl start sonarr radarr
assert_status preseed-radarr.service '/etc/preseed/services` may be written by everybody'
chmod o-w /etc/preseed/services
reload

# Only what must be restored needs the password.
chmod g+w "$PASSWORD_FILE"
assert_exit 1 systemctl start sonarr radarr
assert_active radarr.service
assert_status preseed-sonarr.service "unavailable: .*$PASSWORD_FILE. may be written by its group"
assert_exit 1 preseedctl check
assert_contains "$output" "$PASSWORD_FILE:1:1: "
chmod g-w "$PASSWORD_FILE"
assert_exit 0 preseedctl check

systemctl start sonarr
assert_series 'The Expanse'
