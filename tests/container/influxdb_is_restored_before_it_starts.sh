# Debian's InfluxDB as the catalog has it, declared in two lines: what was measured is there after its directory was
# lost.
# packages: influxdb influxdb-client

declare_default_host
repository_init
declare_of_catalog influxdb
reload
installed
systemctl enable --quiet --now influxdb
eventually influx -execute 'create database house'
influx -database house -execute 'insert temperature value=21.5'
systemctl stop influxdb
backup_as_declared influxdb
lose_data /var/lib/influxdb

#: reboot
assert_active influxdb.service
eventually influx -execute 'show databases'
assert_contains "$(influx -database house -execute 'select value from temperature')" 21.5
assert_journal preseed-influxdb.service 'restored by restic'
