# Forty services of the catalog, each declared in two lines, on one machine: their datasets are made and filled, twenty
# are destroyed with all their snapshots, and after a boot all are back. Prints how long the boots took, with and
# without preseed, and the most memory that its helpers used.
# long: forty services are started at each of four boots

. /usr/lib/preseed-tests/catalog.sh
declare_default_host
declare_vault
repository_init
mapfile -t names < <(of_catalog '*' | head -n 40)
stubs "${names[@]}"
mkdir -p /root/forty
printf '%s\n' "${names[@]}" >/root/forty/names
printf '%s\n' "${units[@]}" >/root/forty/units
printf '%s\n' "${directories[@]}" >/root/forty/directories
systemctl disable --quiet sonarr
# Of the first starts, none has to ask the repository.
for name in "${names[@]}"; do
    declare_service "$name" <<<"template = \"$name\""
done
reload
systemctl start "${units[@]}"
declare_of_catalog "${names[@]}"
reload
backup_as_declared "${names[@]}"
for name in "${names[@]}"; do
    zfs snapshot "tank/services/$name@nightly"
    zfs send "tank/services/$name@nightly" | zfs receive -u "vault/services/$name"
done
lost

#: reboot
# The data is there.
boot_took() { # WHAT
    local until memory=-
    until=$(systemctl show --property=FinishTimestampMonotonic --value)
    ! memory=$(cat /sys/fs/cgroup/storage.slice/storage-preseed.slice/memory.peak 2>/dev/null) ||
        memory="$((memory >> 20)) MB"
    printf 'figure: %s: boot over after %d.%d s; preseed at its highest: %s\n' "$1" $((until / 1000000)) $((until / 100000 % 10)) "$memory"
}
declare -f boot_took >/root/forty/boot_took
mapfile -t units </root/forty/units
assert_active "${units[@]}"
boot_took 'forty with their data'
# Without preseed: the same datasets are mounted by ZFS, the same services start.
ln -s /dev/null /etc/systemd/system-generators/preseed-generator

#: reboot
. /root/forty/boot_took
mapfile -t units </root/forty/units
assert_active "${units[@]}"
boot_took 'the same without preseed'
rm /etc/systemd/system-generators/preseed-generator
mapfile -t names </root/forty/names
mapfile -t directories </root/forty/directories
systemctl stop "${units[@]}"
for number in {0..19}; do
    umount "${directories[number]}"
    zfs destroy -r "tank/services/${names[number]}"
done

#: reboot
. /root/forty/boot_took
mapfile -t units </root/forty/units
mapfile -t names </root/forty/names
assert_active "${units[@]}"
boot_took 'twenty of forty destroyed'
for name in "${names[@]:0:20}"; do
    assert_journal "preseed-$name.service" 'restored by'
done
assert_eq 20 "$(journalctl --boot --output=cat PRESEED_OUTCOME=restored | grep -c .)" 'restores'
