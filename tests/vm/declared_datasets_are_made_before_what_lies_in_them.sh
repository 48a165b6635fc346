# `[dataset.NAME]` of preseed.toml: datasets that belong to no service. They are made before the services' datasets, parents
# before children, and are corrected; what was changed by hand is told. They are never restored and never destroyed, and one
# that cannot be made keeps no service down.

declare_host <<'EOT'
[storage]
parent = "tank/services"
[dataset.services]
name = "tank/services"
properties = { recordsize = "64K", logbias = "throughput" }
[dataset.media]
name = "tank/services/media"
properties = { compression = "zstd", refquota = "1G" }
EOT
declare_service app <<'EOT'
[dataset]
parent = "tank/services/media"
[preseed]
tiers = ["snapshot"]
EOT
cat >/etc/systemd/system/app.service <<'EOT'
[Service]
Type=oneshot
ExecStart=/bin/true
EOT
reload
systemctl start app
assert_properties tank/services canmount=off mountpoint=none recordsize=65536 logbias=throughput
assert_properties tank/services/media canmount=off recordsize=65536 compression=zstd refquota=1073741824
assert_properties tank/services/media/app logbias=throughput mounted=yes
assert_journal dataset-media 'created tank/services/media$'
assert_exit 0 preseedctl diff

# Corrected at the next start if the declaration changed, on demand if somebody did.
sed -i 's/throughput/latency/' /etc/preseed/preseed.toml
zfs set compression=off tank/services/media
reload
systemctl start app
assert_properties tank/services logbias=latency
assert_properties tank/services/media compression=off
assert_journal dataset-media 'compression is off, and zstd is declared: somebody changed it'
assert_exit 1 preseedctl diff media
assert_contains "$output" 'media: compression is off, declared is zstd (/etc/preseed/preseed.toml:8:'
assert_exit 0 preseedctl apply media
assert_properties tank/services/media compression=zstd

# One that is not declared any more stays, one of a pool that is missing keeps only itself from being made.
declare_host <<'EOT'
[storage]
parent = "tank/services"
[dataset.gone]
name = "nowhere/x"
EOT
reload
systemctl start app
assert_properties tank/services/media compression=zstd
assert_exit 1 systemctl start dataset-gone
assert_journal dataset-gone 'pool .nowhere. is not imported'
