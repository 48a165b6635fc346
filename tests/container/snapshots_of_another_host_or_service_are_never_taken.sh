# The repository holds newer snapshots of the same path by another host and with other tags, and of a path that begins
# alike. None of them is ever taken. If there are no others, the service gets nobody else's data and does not start
# empty: the message says whose they are, and the admin decides.
# also: vm

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
backup_sonarr
add_series 'of somebody else'
in_repository backup --quiet --host elsewhere --tag sonarr --tag media --tag database /var/lib/sonarr
in_repository backup --quiet --host "$(hostname)" --tag radarr /var/lib/sonarr
in_repository backup --quiet --host "$(hostname)" --tag sonarr --tag media --tag database /var/lib/sonarr/sonarr.db
systemctl stop sonarr
lose_data /var/lib/sonarr

systemctl start sonarr
assert_series 'The Expanse'

systemctl stop sonarr
lose_data /var/lib/sonarr
declare_service sonarr <<EOT
template = "sonarr"

[backup]
repository = "local"
tags = ["nobody"]
EOT
assert_exit 1 preseedctl plan sonarr
assert_contains "$output" 'a snapshot of /var/lib/sonarr of host elsewhere with tags sonarr, media, database'
assert_refused sonarr "in doubt|it holds what may be sonarr's data"
preseedctl forget --yes sonarr
systemctl start sonarr
assert_no_series
