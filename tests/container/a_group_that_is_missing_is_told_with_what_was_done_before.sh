# A declared group that does not exist keeps the service down. What was done until then is reported too. Once the
# group exists, the service starts.
# also: vm

declare_default_host
repository_init
declare_service sonarr <<EOT
template = "sonarr"

[dataset]
group = "newcomers"

[backup]
repository = "local"
EOT
reload
assert_exit 1 systemctl start sonarr
assert_failed dataset-sonarr.service
assert_status dataset-sonarr.service 'there is no group `newcomers` on this machine: create it'
journalctl --sync
told="$(journalctl --boot --output=cat PRESEED_SERVICE=sonarr PRESEED_OUTCOME=changed)"
assert_matches "$told" '^sonarr: created '
assert_lacks "$told" owner

groupadd --system newcomers
systemctl start sonarr
assert_eq 'sonarr:newcomers' "$(stat -c '%U:%G' /var/lib/sonarr)"
assert_no_series
