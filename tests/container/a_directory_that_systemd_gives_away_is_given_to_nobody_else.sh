# A service with DynamicUser= has its data below /var/lib/private, where it is restored before the service starts. Any
# other place of it is refused by `preseedctl check` with the way out, as is an owner that systemd would take the
# directory from at each start. A StateDirectory= of the declared user is its directory.
# also: vm

declare_default_host
repository_init
# keeper NAME LINE...: a service that counts its starts in its state directory.
keeper() {
    cat >"/etc/systemd/system/$1.service" <<-EOT2
	[Service]
	Type=oneshot
	RemainAfterExit=yes
	StateDirectory=$1
	ExecStart=/bin/sh -c 'echo start >>/var/lib/$1/starts'
	$(printf '%s\n' "${@:2}")
	EOT2
}
keeper dynamic DynamicUser=yes
keeper fixed User=fixed
for name in dynamic fixed; do
    declare_service "$name" <<-EOT2
	$([[ $name == dynamic ]] || echo '[user]')
	[dataset]
	mountpoint = "/var/lib/$name"
	[backup]
	repository = "local"
	tags = ["$name"]
	EOT2
done
reload
assert_exit 1 preseedctl check
assert_contains "$output" 'dynamic.toml: its unit `dynamic.service` has DynamicUser=yes'
assert_contains "$output" 'write `mountpoint = "/var/lib/private/dynamic"` in [dataset]'
assert_lacks "$output" 'fixed.toml: its unit'
sed -i 's|/var/lib/dynamic|/var/lib/private/dynamic|' /etc/preseed/services/dynamic.toml
reload
assert_exit 0 preseedctl check

systemctl start dynamic fixed
assert_eq 700 "$(stat -c %a /var/lib/private)"
assert_eq private/dynamic "$(readlink /var/lib/dynamic)"
assert_eq fixed "$(stat -c %U /var/lib/fixed/starts)"
backup /var/lib/private/dynamic dynamic
backup /var/lib/fixed fixed
systemctl stop dynamic fixed
lose_data /var/lib/private/dynamic
lose_data /var/lib/fixed
systemctl start dynamic fixed
assert_eq 'start start' "$(xargs </var/lib/private/dynamic/starts)"
assert_eq 'start start' "$(xargs </var/lib/fixed/starts)"

# An owner that systemd would take it from.
sed -i 's|^mountpoint|owner = "root"\n&|' /etc/preseed/services/*.toml
assert_exit 1 preseedctl check
assert_contains "$output" 'dynamic.toml: its unit `dynamic.service` has DynamicUser=yes: systemd gives the directory to a user of its own'
assert_contains "$output" 'fixed.toml: its unit `fixed.service` has this directory as its StateDirectory=, which systemd gives to `fixed`'
