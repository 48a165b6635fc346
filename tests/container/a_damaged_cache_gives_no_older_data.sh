# A power cut leaves other bytes in the files of restic's cache, which is never synced. The repository is whole: the
# newest snapshot is restored, and the journal says that its cache is damaged.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
backup_sonarr
add_series 'Severance'
backup_sonarr
systemctl stop sonarr

# restore_with_cache PART: what is kept of this part of the repository has other bytes; all is kept before.
restore_with_cache() {
    rm -rf /var/cache/preseed
    lose_data /var/lib/sonarr
    systemctl reset-failed
    systemctl start sonarr
    systemctl stop sonarr
    lose_data /var/lib/sonarr
    local file files
    files=$(find /var/cache/preseed -path "*/$1/*" -type f)
    [[ -n $files ]] || fail "nothing is kept of $1"
    for file in $files; do
        chmod u+w "$file"
        printf '\125\252\125\252' | dd of="$file" bs=1 seek=40 conv=notrunc status=none
    done
    systemctl start sonarr
    assert_series 'The Expanse' 'Severance'
    systemctl stop sonarr
    assert_no_journal preseed-sonarr.service 'passed over'
}
restore_with_cache data
restore_with_cache index
restore_with_cache snapshots
assert_journal preseed-sonarr.service 'repository local: its cache in /var/cache/preseed/restic is damaged'
