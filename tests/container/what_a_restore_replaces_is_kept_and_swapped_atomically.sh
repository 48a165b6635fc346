# A package made a directory with a file of its own, and the data is missing. The data is restored, and the skeleton
# is kept aside. Whoever looks sees the one or the other, never half of it.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
declare_sonarr 'skeleton = ["README"]'
reload
head -c 20000000 /dev/urandom >/var/lib/sonarr/large
fingerprint /var/lib/sonarr >/var/tmp/before
backup_sonarr
rm -rf /var/lib/sonarr
install -d /var/lib/sonarr
echo 'made by a package' >/var/lib/sonarr/README
skeleton=$(stat -c %i /var/lib/sonarr)

watch_listings() {
    local over=''
    until [[ $over ]]; do
        # The last look is after the restore.
        [[ ! -e /run/over ]] || over=yes
        # One directory is opened and read: a listing is of one moment's directory.
        LC_ALL=C ls -A /var/lib/sonarr | paste -sd ' '
    done | sort -u
}
watch_listings >/run/seen &
systemctl start preseed-sonarr.service
touch /run/over
wait
assert_eq $'README\nconfig.xml large sonarr.db' "$(cat /run/seen)" 'listings during the restore'

assert_same_tree /var/tmp/before /var/lib/sonarr
kept=(/var/lib/.sonarr:preseed-kept-*-before-restic)
assert_eq 1 "${#kept[@]}" 'kept directories'
assert_eq "$skeleton" "$(stat -c %i "${kept[0]}")"
assert_eq 'made by a package' "$(cat "${kept[0]}/README")"
assert_journal preseed-sonarr.service "what it replaced is kept as ${kept[0]}"
assert_absent /var/lib/.preseed-staging/sonarr
systemctl start sonarr
assert_series 'The Expanse'
