# The newest snapshot in the repository lacks its index, and the one before it is damaged. Both are passed over, and
# the service gets the newest one that is whole. Nothing of the others is left.
# also: vm

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
backup_sonarr

# newest_of DIRECTORY FIND-ARGUMENT...: the file of the repository that was written last.
newest_of() {
    find "$REPOSITORY/$1" -type f "${@:2}" -printf '%T@ %p\n' | sort -n | tail -1 | cut -d' ' -f2-
}
head -c 5000000 /dev/urandom >/var/lib/sonarr/large
backup_sonarr
pack=$(newest_of data -size +1M)
rm /var/lib/sonarr/large
add_series 'Severance'
backup_sonarr
rm "$(newest_of index)"
chmod u+w "$pack"
printf 'damage' | dd of="$pack" bs=1 seek=100000 conv=notrunc status=none
systemctl stop sonarr
lose_data /var/lib/sonarr

systemctl start sonarr
assert_series 'The Expanse'
assert_absent /var/lib/sonarr/large
assert_journal preseed-sonarr.service 'passed over .* of repository local .*: a part of the snapshot is missing or damaged: .*ciphertext verification failed'
assert_journal preseed-sonarr.service 'passed over .* of repository local .*: a part of the snapshot is missing or damaged: .*not found in repository'
assert_journal preseed-sonarr.service 'restored by restic'
