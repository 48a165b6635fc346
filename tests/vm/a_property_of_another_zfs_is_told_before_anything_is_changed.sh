# What this machine's ZFS does not know, what cannot be set, what is preseed's own and what is misspelt is told with file,
# line and column, and nothing is made. A service whose data is there starts with a property that is not known here.

declare_default_host
cat >/etc/systemd/system/app.service <<'EOT'
[Service]
Type=oneshot
ExecStart=/bin/true
EOT
zfs create -o mountpoint=none tank/services
declared() { # PROPERTY
    declare_service app <<-EOT
	[dataset]
	properties = { $1 }
	[preseed]
	tiers = ["snapshot"]
	EOT
    reload
}
FILE=/etc/preseed/services/app.toml
for told in 'logbais = "latency"|:2:16: property `logbais` is not known to ZFS 2.1 to 2.3: did you mean `logbias`?' \
    'used = "5G"|:2:16: property `used` of a file system cannot be set' \
    'canmount = "off"|:2:16: property `canmount` is preseed.s own' \
    'sync = "alwys"|:2:23: `sync` cannot be `alwys`: did you mean `always`?' \
    'quota = "5G"|:2:16: property `quota` has a key of its own'; do
    declared "${told%%|*}"
    assert_refused app "$FILE${told#*|}"
    assert_eq tank/services "$(zfs list -H -o name -r tank/services)"
done

# An older ZFS.
zfs=$(command -v zfs)
mv "$zfs" "$zfs.real"
cat >"$zfs" <<EOT
#!/bin/sh
case "\$*" in *longname*) echo "bad property list: invalid property 'longname'" >&2; exit 2 ;; esac
exec $zfs.real "\$@"
EOT
chmod +x "$zfs"
declared 'longname = "on"'
assert_refused app 'property .longname. is declared, and the ZFS of this machine does not know it'
assert_eq tank/services "$(zfs list -H -o name -r tank/services)"
assert_exit 1 preseedctl check
assert_contains "$output" "$FILE:2:27: property \`longname\` is not known to the ZFS of this machine"

declared 'logbias = "throughput"'
systemctl start app
echo data >/srv/app/file
declared 'logbias = "throughput", longname = "on"'
systemctl start app
assert_eq data "$(cat /srv/app/file)"
assert_exit 1 preseedctl diff app
assert_contains "$output" 'app: longname is -, declared is on'
assert_contains "$output" 'the ZFS of this machine does not know it'
