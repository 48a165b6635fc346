# Nothing but the restic repository is left: everything is restored from there before the service
# starts, at the right depth, with owners, modes, times, hard links, devices, capabilities, extended
# attributes and ACLs, although its unit is confined.
# also: vm

declare_default_host
repository_init
# The mode has room for the ACL of the directory itself.
declare_service sonarr <<EOT
template = "sonarr"

[dataset]
mode = "0750"

[backup]
repository = "local"
EOT
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
cd /var/lib/sonarr
install -d -o sonarr -g nogroup -m 2750 'a directory/of its own'
printf 'the same file\n' >'a directory/one'
ln 'a directory/one' two
ln -s 'a directory/one' link
ln -s /nowhere dangling
mkfifo -m 0600 pipe
install -o nobody -m 4711 /dev/null 'a directory/set-user-id'
mknod -m 0640 device c 1 3
mknod block b 7 200
install -m 0755 /bin/true capable
setcap cap_net_bind_service+ep capable
head -c 3000000 /dev/urandom >random
setfattr -n trusted.comment -v 'for root alone' random
touch -d '2001-02-03 04:05:06.789012345' 'a directory/one' random
touch -h -d '2002-02-03 04:05:06.123456789' link
setfattr -n user.comment -v 'of a file' random
setfattr -n user.comment -v 'of the directory' .
setfacl -m u:nobody:rw random
setfacl -m u:nobody:rx -m d:g:nogroup:rwx .
touch -d '2003-02-03 04:05:06.111111111' 'a directory' .
cd /
fingerprint /var/lib/sonarr >/var/tmp/before
backup_sonarr
lose_data /var/lib/sonarr

#: reboot
assert_active sonarr.service
assert_series 'The Expanse'
assert_absent /var/lib/sonarr/var

# The service has only read.
assert_same_tree /var/tmp/before /var/lib/sonarr

restored=$(journalctl --boot --output=export PRESEED_SERVICE=sonarr PRESEED_OUTCOME=restored |
    sed -n 's/^__MONOTONIC_TIMESTAMP=//p')
started=$(systemctl show --property=ExecMainStartTimestampMonotonic --value sonarr.service)
((restored < started)) || fail 'restored before the service started' "restored: $restored" "started:  $started"
