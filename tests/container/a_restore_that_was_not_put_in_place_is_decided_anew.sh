# A restore was complete and was not put in place. The next start does not replay that decision: a newer backup wins,
# and the copy is kept as unused. If no source can be asked, the copy is used if the directory was not touched since;
# otherwise the service does not start.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
cp -a /var/lib/sonarr /var/tmp/january
backup_sonarr
january=$(in_repository snapshots --json | sed -E 's/.*"id":"([0-9a-f]{64})".*/\1/')

staging=/var/lib/.preseed-staging/sonarr
birth() { # in nanoseconds
    stat -c %.9W "$1" | tr -d .
}
sealed() { # what lies there is lost, and its restore is complete
    lose_data /var/lib/sonarr
    systemctl restart dataset-sonarr
    mkdir -p -m 0700 "${staging%/*}"
    cp -a /var/tmp/january "$staging"
    local real=/var/lib/sonarr
    setfattr -n trusted.preseed.sealed \
        -v "over=inode:$(stat -c %i $real):$(birth $real) changed=$(stat -c %.9Z $real) taken=2026-01-01T00:00:00Z" "$staging"
    setfattr -n trusted.preseed.state \
        -v "staged of=inode:$(stat -c %i "$staging"):$(birth "$staging") by=restic at=2026-01-01T00:00:00Z from=$january" "$staging"
}

# What it was made from is the newest still.
sealed
starts_with 'The Expanse'
assert_journal preseed-sonarr.service 'finished an interrupted restore by restic'
assert_eq '' "$(getfattr --absolute-names -n trusted.preseed.sealed /var/lib/sonarr 2>/dev/null || true)"

# A newer one holds the data.
systemctl start sonarr
add_series Firefly
systemctl stop sonarr
backup_sonarr
sealed
assert_exit 0 preseedctl plan sonarr
assert_matches "$output" 'interrupted restore by restic from .*: would be kept aside, since .* is newer'
starts_with 'The Expanse' Firefly
assert_journal preseed-sonarr.service 'is not used, since .* is newer: it is kept as /var/lib/.sonarr:preseed-kept-.*-unused-restore'

# The repository is away. Somebody was in the directory since.
mv "$REPOSITORY" "$REPOSITORY-away"
sealed
touch /var/lib/sonarr/x
rm /var/lib/sonarr/x
assert_refused sonarr 'a complete restore by restic from .* is at hand, but newer data cannot be ruled out'
rm -rf "$staging"
sealed
starts_with 'The Expanse'
assert_journal preseed-sonarr.service 'an interrupted restore is finished although newer data cannot be ruled out'

# One at most is kept as unused.
mv "$REPOSITORY-away" "$REPOSITORY"
sealed
starts_with 'The Expanse' Firefly
assert_eq 1 "$(find /var/lib -maxdepth 1 -name '*-unused-restore' | wc -l)"
