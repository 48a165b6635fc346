# After `daemon-reload`, `systemctl start` makes and seeds a newly declared service. A service that
# runs is touched neither by the reload nor by `systemctl start preseed-NAME`.
# also: vm

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
before=$(invocation sonarr.service)

another_service radarr 7878
install -d -o radarr /var/tmp/radarr
fresh_data radarr /var/tmp/radarr 'Dune'
backup /var/tmp/radarr radarr
declare_service radarr <<EOT
[dataset]
mountpoint = "/var/lib/radarr"
owner = "radarr"

[preseed]
expect = ["sonarr.db"]

[backup]
repository = "local"
path = "/var/tmp/radarr"
tags = ["radarr"]
EOT
reload
assert_absent /var/lib/radarr
systemctl start radarr
assert_eq 'Dune' "$(sonarr list --at 127.0.0.1:7878)"
assert_eq "$before" "$(invocation sonarr.service)" 'the start of sonarr.service'

systemctl start preseed-sonarr.service
assert_eq "$before" "$(invocation sonarr.service)" 'the start of sonarr.service'
assert_series 'The Expanse'

# Nor when its data is taken away from under it: a restore waits until it is stopped.
mv /var/lib/sonarr/config.xml /var/lib/sonarr/sonarr.db /var/tmp/
assert_exit 1 systemctl start preseed-sonarr.service
assert_active sonarr.service
assert_eq "$before" "$(invocation sonarr.service)" 'the start of sonarr.service'
