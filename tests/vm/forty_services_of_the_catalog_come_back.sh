# Forty services of the catalog, each declared in two lines, on one machine: their datasets are made and filled, twenty
# are destroyed with all their snapshots, and after a boot all are back. `cargo xtask bench boot` says how long boots take.
# long: forty services are started at each of two boots

. /usr/lib/preseed-tests/catalog.sh
forty_of_the_catalog
destroy_twenty

#: reboot
. /usr/lib/preseed-tests/catalog.sh
twenty_are_restored
