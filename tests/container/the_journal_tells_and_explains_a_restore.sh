# A restore is an event with fields of its own, which `journalctl -x` explains; no secret is in it.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
backup_sonarr
lose_data /var/lib/sonarr
snapshot=$(in_repository snapshots --json | sed -n 's/.*"id":"\([0-9a-f]*\)".*/\1/p')
systemctl start sonarr

journalctl --sync
event=$(journalctl --boot --output=export PRESEED_OUTCOME=restored)
assert_contains "$event" 'PRESEED_SERVICE=sonarr'
assert_contains "$event" 'PRESEED_TIER=restic'
assert_contains "$event" "PRESEED_SNAPSHOT=$snapshot"
assert_matches "$event" '^PRESEED_BYTES=[1-9][0-9]*$'
assert_matches "$event" '^MESSAGE_ID=[0-9a-f]{32}$'
assert_contains "$event" '_SYSTEMD_UNIT=preseed-sonarr.service'

journalctl --update-catalog
explained=$(journalctl --boot --catalog --output=short PRESEED_OUTCOME=restored)
assert_contains "$explained" 'Data of sonarr was restored'

assert_lacks "$(journalctl --boot --output=export)" 'correct horse' 'the journal'
assert_lacks "$(cat /run/systemd/generator/*.service)" 'correct horse' 'the units'
