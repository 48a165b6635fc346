# needs: smp
# Services that start for the first time at once, in a container that is not there yet: one of them makes it, the others wait
# for that.

declare_default_host
rounds=(1 2 3)
for service in {a..f}; do
    for round in "${rounds[@]}"; do
        declare_service "$service$round" <<'EOS'
[preseed]
tiers = ["rollback"]
EOS
        idle_service "$service$round"
    done
done
reload
for round in "${rounds[@]}"; do
    systemctl start {a..f}"$round"
    assert_eq 6 "$(zfs list -H -o mounted -r tank/services | grep -c yes)"
    systemctl stop {a..f}"$round"
    zfs destroy -r tank/services
done
journalctl --sync
assert_eq 3 "$(journalctl --boot | grep -c 'created the container tank/services')"
