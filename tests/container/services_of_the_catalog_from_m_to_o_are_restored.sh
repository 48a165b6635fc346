# Each entry of the catalog from M-O, declared in two lines: what it expects tells its data, what it leaves out of a
# backup is no part of that, and what was lost is there before its units start, also after its own checks.

. /usr/lib/preseed-tests/catalog.sh
declare_default_host
repository_init
mapfile -t names < <(of_catalog '[m-o]*')
stubs "${names[@]}"
systemctl start "${units[@]}"
backup_as_declared "${names[@]}"
printf '%s\n' "${names[@]}" >/root/names
printf '%s\n' "${units[@]}" >/root/units
lost "${directories[@]}"

#: reboot
mapfile -t units </root/units
assert_active "${units[@]}"
while read -r name; do
    assert_journal "preseed-$name.service" 'restored by restic'
done </root/names
