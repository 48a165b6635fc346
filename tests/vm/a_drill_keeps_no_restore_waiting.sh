# While a drill holds a clone of the newest snapshot, the service starts, its data comes back by a rollback, by a clone and by
# hand, and what those replaced is released. The drill comes to its end, and nothing is left of it. What a power cut leaves of
# one keeps nothing waiting either, and goes with the daily timer. All parts of a service with places are drilled.

sonarr_with 'The Expanse'
declare_drilled_sonarr 'tiers = ["rollback", "snapshot"]'
reload
zfs list -H -t snapshot -o name "$DATASET" | xargs -r -n 1 zfs destroy
zfs snapshot "$DATASET@good"
zfs=$(command -v zfs)
cat >/usr/local/sbin/zfs <<EOT
#!/bin/bash
if [[ \$1 =~ ^(program|destroy)$ && "\$*" == *preseed-drill-check* && -e /run/hold ]]; then
    touch /run/held
    while [[ -e /run/hold ]]; do sleep 0.1; done
fi
exec $zfs "\$@"
EOT
chmod +x /usr/local/sbin/zfs
touch /run/hold
preseedctl drill sonarr >/var/tmp/drilled 2>&1 &
drill=$!
eventually test -e /run/held
zfs list "$DATASET:preseed-drill" "$DATASET:preseed-drill-check"
assert_properties "$DATASET:preseed-drill" canmount=noauto mounted=no syncoid:sync=false
room=$(zfs get -Hp -o value refquota "$DATASET:preseed-drill")
assert_eq 1 "$((room > 0 && room < $(zfs get -Hp -o value available tank)))" "a fifth of the pool is left free: $room"

starts_with 'The Expanse'
lose_data /var/lib/sonarr
starts_with 'The Expanse'
assert_mark "$DATASET" rollback
lose_data /var/lib/sonarr
zfs snapshot "$DATASET@empty"
starts_with 'The Expanse'
assert_mark "$DATASET" clone
assert_properties "$DATASET" origin=-
assert_exit 0 preseedctl restore sonarr --snapshot good --yes
assert_exit 0 preseedctl undo sonarr --yes
starts_with 'The Expanse'
assert_exit 0 preseedctl release --yes sonarr
assert_eq '' "$(kept_datasets)" 'kept'
rm /run/hold
wait "$drill"
assert_contains "$(cat /var/tmp/drilled)" "sonarr: the newest of rollback ($DATASET@good, "
assert_lacks "$(zfs list -H -o name)" preseed-drill

# A power cut in the middle of one.
touch /run/hold
rm /run/held
zfs destroy -r "$DATASET@%" 2>/dev/null || true
zfs snapshot "$DATASET@good"
preseedctl drill sonarr >/var/tmp/drilled 2>&1 &
eventually test -e /run/held
systemctl start sonarr
zpool sync
sync

#: power-cut

assert_active sonarr.service
assert_series 'The Expanse'
zfs list "$DATASET:preseed-drill" "$DATASET:preseed-drill-check"
assert_exit 0 systemctl start storage-preseed-kept.service
assert_lacks "$(zfs list -H -o name)" preseed-drill

# A service with places.
declare_service app <<EOT
[dataset]
mountpoint = "/srv/app"
[preseed]
tiers = ["snapshot"]
expect = ["db"]
$(places_of_app)
EOT
idle_service app
reload
systemctl start app
echo data | tee /srv/app/db /srv/app/media/covers/a.jpg /etc/app/app.conf >/dev/null
zfs snapshot tank/services/app@one tank/services/app.covers@one tank/services/app.config@one
assert_exit 0 preseedctl drill app
for part in app app.covers app.config; do
    assert_contains "$output" "$part: the newest of local snapshots (tank/services/$part@one, "
done
assert_contains "$output" 'app: 3 of 3 candidates can be restored'
