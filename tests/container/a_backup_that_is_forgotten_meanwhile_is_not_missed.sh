# Retention runs while a restore looks for data: `restic forget` removes a snapshot after it was listed, or `restic
# tag` gives it another name. The repository is listed again. If nothing is found then, the service does not start
# empty.
# also: vm

# when COMMAND: before the next `restic restore`, or after the next `restic snapshots`, somebody does that.
when() {
    cat >/run/meanwhile
}

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
backup_sonarr
first=$(in_repository snapshots --quiet --json latest | grep --only-matching '"id":"[0-9a-f]*"' | cut -d '"' -f 4)
add_series 'Severance'
backup_sonarr
second=$(in_repository snapshots --quiet --json latest | grep --only-matching '"id":"[0-9a-f]*"' | cut -d '"' -f 4)
systemctl stop sonarr

restic=$(command -v restic)
cat >/usr/local/bin/restic <<EOT2
#!/bin/bash
meanwhile() {
    [[ " \$* " == *" \$verb "* && -e /run/meanwhile ]] || return 0
    mv /run/meanwhile /run/done
    $restic --repo $REPOSITORY --password-file $PASSWORD_FILE --no-cache --quiet \$(cat /run/done) >/dev/null
}
verb=restore meanwhile "\$@"
$restic "\$@"
status=\$?
verb=snapshots meanwhile "\$@"
exit \$status
EOT2
chmod +x /usr/local/bin/restic

# The newest, under another name since it was found. (Later versions of restic find the old one in their cache.)
lose_data /var/lib/sonarr
when <<<"tag --add checked $second"
systemctl start sonarr
assert_absent /run/meanwhile
assert_series 'The Expanse' Severance
systemctl stop sonarr

# One of the list, since the newest of all holds nothing.
lose_data /var/lib/sonarr
mkdir -p /var/lib/sonarr
backup_sonarr
second=$(in_repository snapshots --quiet --json --tag checked latest | grep --only-matching '"id":"[0-9a-f]*"' | cut -d '"' -f 4)
when <<<"forget --prune $second"
systemctl start sonarr
assert_absent /run/meanwhile
assert_journal preseed-sonarr.service "passed over ${second:0:8} .*destroyed after it was listed"
assert_series 'The Expanse'
systemctl stop sonarr

# The last one.
lose_data /var/lib/sonarr
when <<<"forget --prune $first"
assert_refused sonarr "${first:0:8} .*destroyed after it was listed"
assert_absent /run/meanwhile
