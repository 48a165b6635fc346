# An environment file that other programs use as well names a repository, a password and a host. What is declared
# wins. With the other repository, the service would have started empty.
# also: vm

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
cat >>/etc/preseed/preseed.toml <<EOT
environment-file = "/etc/preseed/secrets/environment"
EOT
repository_init /var/lib/other-repo
(umask 077 && cat >/etc/preseed/secrets/environment <<EOT
RESTIC_REPOSITORY=/var/lib/other-repo
RESTIC_PASSWORD=wrong
RESTIC_PASSWORD_FILE=/nonexistent
RESTIC_HOST=another
EOT
)
reload
backup_sonarr
lose_data /var/lib/sonarr
systemctl start sonarr
assert_series 'The Expanse'
