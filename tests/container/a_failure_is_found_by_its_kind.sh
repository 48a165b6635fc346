# Each failure carries the code of its kind: `journalctl PRESEED_ERROR=` finds it, whatever its words are.
# also: vm

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr

# found CODE WORDS: the last refusal of the service is of this kind, and so is the answer that has these words.
found() {
    local told
    journalctl --sync
    told=$(journalctl --boot --output=cat PRESEED_SERVICE=sonarr PRESEED_ERROR="$1")
    assert_contains "$told" "$2" "failures of the kind $1"
    told=$(journalctl --boot --lines=1 --output=export PRESEED_SERVICE=sonarr PRESEED_OUTCOME=refused)
    assert_contains "$told" "PRESEED_ERROR=$1" 'the last refusal'
}

backup_sonarr
lose_data /var/lib/sonarr

cp -p "$PASSWORD_FILE" /var/tmp/password
printf 'not that one\n' >"$PASSWORD_FILE"
assert_exit 1 systemctl start sonarr
found wrong-password 'repository local: the password is wrong'
cp -p /var/tmp/password "$PASSWORD_FILE"

mv "$REPOSITORY" /var/lib/restic-repo.away
assert_exit 1 systemctl start sonarr
found no-repository 'there is no repository at its address'
mv /var/lib/restic-repo.away "$REPOSITORY"

declare_sonarr 'no-such-key = true'
reload
assert_exit 1 systemctl start sonarr
found declaration 'no-such-key'

declare_sonarr
reload
systemctl start sonarr
assert_series 'The Expanse'
