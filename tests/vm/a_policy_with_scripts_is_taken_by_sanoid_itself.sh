# A policy with scripts: Sanoid itself takes the snapshots, runs the scripts and prunes, as root; `check` says that they are
# not of one moment. Where a script fails and no snapshot is to be taken then, that is told, and no other service is
# affected. A script that others could have written is not run.
# needs: zfs

declare_default_host
cat >>/etc/preseed/preseed.toml <<'EOT'

[snapshot-policy.frozen]
hourly = 1
pre-snapshot-script = "/usr/local/bin/freeze"
post-snapshot-script = "/usr/local/bin/thaw"
no-inconsistent-snapshot = true
EOT
for name in app other; do
    idle_service "$name"
    policy=services
    [[ $name == other ]] || policy=frozen
    declare_service "$name" <<EOT
snapshots.policy = "$policy"
dataset.owner = "root"
EOT
done
for script in freeze thaw; do
    printf '#!/bin/sh\necho "%s $SANOID_TARGET" >>/run/noted\n[ ! -e /run/fails ]\n' "$script" >"/usr/local/bin/$script"
    chmod 0755 "/usr/local/bin/$script"
done
reload
systemctl start app other
touch /srv/{app,other}/data
assert_exit 0 preseedctl check
assert_contains "$output" 'app: rollback, snapshot: snapshots by the policy frozen (1 hourly), by Sanoid itself for its scripts, so one dataset after the other and not of one moment'

count() { # NAME
    zfs list -H -t snapshot -o name -d 1 "tank/services/$1" | wc -l
}
time_is 10:00
later() {
    time_passes 3600
}
systemctl start storage-snapshots
assert_eq 'freeze tank/services/app
thaw tank/services/app' "$(cat /run/noted)"
assert_eq 1 "$(count app)"
assert_eq 'preseed:good' "$(zfs holds -H "$(zfs list -H -t snapshot -o name -d 1 tank/services/app)" | cut -f 2)"

later
touch /run/fails
taken=$(count other)
assert_exit 1 systemctl start storage-snapshots
assert_journal storage-snapshots.service 'app: tank/services/app@autosnap_.*_hourly: Sanoid has not taken it, although it is due: .*pre_snapshot_script failed'
assert_eq 1 "$(count app)"
assert_eq $((taken + 1)) "$(count other)"

rm /run/fails /run/noted
chown nobody /usr/local/bin/freeze
assert_exit 1 systemctl start storage-snapshots
assert_journal storage-snapshots.service 'app: /usr/local/bin/freeze: it cannot be run as `pre-snapshot-script` of a policy: .*belongs to user'
assert_exit 0 preseedctl check
assert_contains "$output" 'warning: /usr/local/bin/freeze: it cannot be run as `pre-snapshot-script`'
assert_absent /run/noted
chown root /usr/local/bin/freeze
systemctl start storage-snapshots
assert_eq 2 "$(count app)"
