# What is expected lies behind a link of the data to itself, as many installers make it: absolute, or relative. It is
# found in snapshots and backups, and the data is restored. A link that leads out of the copy is not followed.

declare_default_host
repository_init
idle_service app
declared() { # TIER
    declare_service app <<-EOT
	[dataset]
	mountpoint = "/var/lib/app"
	[preseed]
	expect = ["current/app.db"]
	tiers = ["$1"]
	[backup]
	repository = "local"
	EOT
    reload
}
declared restic
systemctl start app
mkdir /var/lib/app/v4
echo data >/var/lib/app/v4/app.db
for target in /var/lib/app/v4 v4; do
    ln -sfn "$target" /var/lib/app/current
    zfs snapshot "tank/services/app@${#target}"
    backup /var/lib/app
    for tier in rollback restic; do
        declared "$tier"
        systemctl stop app
        lose_data /var/lib/app
        systemctl start app
        assert_eq data "$(cat /var/lib/app/current/app.db)"
        assert_journal preseed-app.service "restored by $tier"
    done
    # What was replaced has the snapshot, and is in the way of a rollback by nobody.
    zfs list -H -o name -t snapshot -r tank/services >/dev/null
done

# A copy whose link leads out is in doubt, though what it leads to is there.
echo outside >/srv/app.db
ln -sfn /srv /var/lib/app/current
zfs snapshot tank/services/app@out
systemctl stop app
lose_data /var/lib/app
declared rollback
assert_refused app 'current/app.db: cannot be looked at'
