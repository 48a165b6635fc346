# The repository is mounted read-only, so no lock can be made. The restore says so and continues without one.
# also: vm

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
backup_sonarr
lose_data /var/lib/sonarr
mount --bind -o ro "$REPOSITORY" "$REPOSITORY"

systemctl start sonarr
assert_series 'The Expanse'
assert_journal preseed-sonarr.service 'going on without a lock: repository local: .*cannot make a lock: .*read-only file system'
