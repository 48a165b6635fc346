# shellcheck shell=bash disable=SC2154
# What the prepared machines of the power cuts share. Each has lost its data, and is restored in another way.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
# Holds data as well, but older.
zfs snapshot tank/services/sonarr@older
head -c 20000000 /dev/urandom >/var/lib/sonarr/large
ln /var/lib/sonarr/large /var/lib/sonarr/the-same
setfattr -n user.preseed -v test /var/lib/sonarr/config.xml
setfacl -m u:nobody:r /var/lib/sonarr/config.xml
fingerprint /var/lib/sonarr >/var/tmp/before
# What an admin has set, which what replaces the dataset is to have as well.
zfs set quota=3G refquota=2G org.example:contact='an admin' tank/services/sonarr
