# The pool is kept compatible with an older ZFS and has no zstd, but the declaration wants it. The data is there, so
# the service starts with it, and the journal says what stays as it is.

declare_default_host
repository_init
truncate -s 300M /var/tmp/old.img
zpool create -d -o feature@lz4_compress=enabled -o feature@hole_birth=enabled -o feature@extensible_dataset=enabled \
    -o feature@enabled_txg=enabled -O mountpoint=none old /var/tmp/old.img
zfs create -o mountpoint=/var/lib/sonarr old/sonarr
chown sonarr: /var/lib/sonarr
declared() { # COMPRESSION RECORDSIZE
    declare_service sonarr <<-EOT
	template = "sonarr"
	[dataset]
	name = "old/sonarr"
	compression = "$1"
	recordsize = "$2"
	[backup]
	repository = "local"
	EOT
    reload
}
declared lz4 128K
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr

declared zstd 32K
systemctl start sonarr
assert_series 'The Expanse'
assert_properties old/sonarr compression=lz4 recordsize=32768
assert_journal dataset-sonarr.service 'compression stays lz4, it cannot be zstd: '
