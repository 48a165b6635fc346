# The disk of a repository is full, its password is wrong, or it is not there: the backup fails with a clear sentence, no hold
# and no earlier backup is lost, and a restore takes that one. Once it is mended, the next backup is made.

declare_default_host
repository_init
declare_sonarr
sed -i 's/repository = "local"/&\nschedule = "daily"\nkeep = { last = 1 }/' /etc/preseed/services/sonarr.toml
mv "$REPOSITORY" /var/tmp/made
mkdir "$REPOSITORY"
mount -t tmpfs -o size=8M tmpfs "$REPOSITORY"
cp -a /var/tmp/made/. "$REPOSITORY"
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl start backup-sonarr
known() { # All but that one was begun.
    grep -v '"begun"' /var/lib/preseed/protection/sonarr.json
}
record=$(known)
refused() { # REGEX
    assert_exit 1 systemctl start backup-sonarr
    assert_matches "$(systemctl show --property=StatusText --value backup-sonarr)" "$1"
    assert_eq "$record" "$(known)"
}

# As much as fits no more.
head -c 20000000 /dev/urandom >/var/lib/sonarr/large
refused '^repository local: .*no space left on device'
assert_eq 1 "$(in_repository list snapshots | wc -l)"
assert_eq '' "$(ls "$REPOSITORY/locks")"

mv "$PASSWORD_FILE" /var/tmp/password
(umask 077 && echo another >"$PASSWORD_FILE")
refused "^repository local: the password is wrong: .*: correct $PASSWORD_FILE"
assert_exit 1 preseedctl repository maintain local
assert_contains "$output" 'repository local: the password is wrong: '
mv /var/tmp/password "$PASSWORD_FILE"

umount "$REPOSITORY" -l
refused '^repository local: there is no repository at its address'
mount -t tmpfs -o size=64M tmpfs "$REPOSITORY"
cp -a /var/tmp/made/. "$REPOSITORY"

# Another repository in its place: what is known of the old one's backup lets nothing of this one be forgotten.
for day in 1 2 3; do
    in_repository backup --quiet --host "$(hostname)" --tag sonarr,media,database --time "2025-01-0$day 00:00:00" /var/lib/sonarr
done
assert_exit 0 preseedctl repository maintain local --yes
assert_contains "$output" 'sonarr: 0 of 3 backups forgotten; held: the last good backup is not in this repository'
systemctl start backup-sonarr
assert_exit 0 preseedctl repository maintain local --yes
assert_contains "$output" 'sonarr: 3 of 4 backups forgotten'
systemctl stop sonarr
lose_data /var/lib/sonarr
systemctl start sonarr
assert_series 'The Expanse'
