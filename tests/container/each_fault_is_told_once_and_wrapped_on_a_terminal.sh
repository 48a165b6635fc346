# Why a source could not restore is told once in the journal, and the refusal after it says only what comes of it. The
# status has all of it. On a terminal of 80 columns, no line of preseedctl's is longer, but where a word is; a program that
# reads it gets each message on one line. Times are told in local time, with what it is off from UTC.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
ln -sf /usr/share/zoneinfo/Etc/GMT-2 /etc/localtime
head -c 2000000 /dev/urandom >/var/lib/sonarr/large
backup_sonarr
in_repository backup --quiet --host "$(hostname).lan" --tag sonarr,media,database /var/lib/sonarr
lose_data /var/lib/sonarr

# told TIMES TEXT
told() {
    assert_eq "$1" "$(unit_journal preseed-sonarr.service | grep -c -- "$2")" "lines with: $2"
}
mv "$REPOSITORY" /var/tmp/away
assert_refused sonarr 'sonarr: not started: there is no data; repository local: there is no repository at its address: unable to open .* \(.restic ls. ended with exit status: [0-9]+\): see that it is mounted.*; it is tried again by itself'
told 1 'there is no repository at its address'
assert_journal preseed-sonarr.service '^sonarr: not started: there is no data, and repository local did not restore it, for the reason told above; it is tried again by itself within 30 s'
mv /var/tmp/away "$REPOSITORY"

# A snapshot that is damaged is passed over, and there is no other.
pack=$(find "$REPOSITORY/data" -type f -size +1M)
mv "$pack" /var/tmp/pack
head -c "$(stat -c %s /var/tmp/pack)" /dev/urandom >"$pack"
assert_refused sonarr 'repository local: a part of the snapshot is missing or damaged: '
told 1 'a part of the snapshot is missing or damaged'
assert_journal preseed-sonarr.service '^sonarr: failed: repository local: none of its snapshots could be used, as told above: see .restic check'
mv /var/tmp/pack "$pack"

# In doubt.
rm -rf /var/lib/preseed
own=$(in_repository snapshots --json --host "$(hostname)" | grep -o '"id":"[0-9a-f]*"' | cut -d '"' -f 4)
in_repository forget --quiet "$own"
assert_refused sonarr "it holds what may be sonarr's data: a snapshot of .*, of 20[0-9T:-]*[+]02:00: "
told 1 'it holds what may be'

# wide COMMAND...: prints the lines that are longer than the terminal and can be broken.
wide() {
    script --quiet --return --flush --command "stty cols 80 rows 24; $*" /run/shown >/dev/null </dev/null || true
    tr -d '\r' </run/shown | grep -v '^Script ' | awk 'length > 80' | grep -E '^.{0,79}[^ ] +[^ ]' | grep -vE '^ *[^ ]{60,}' || true
}
echo 'x = 1' >>/etc/preseed/services/sonarr.toml
mkdir -p /etc/preseed/services/not-read-since-it-is-a-directory-of-a-very-long-name-that-makes-lines-long
assert_eq '' "$(wide preseedctl check)"
assert_contains "$(cat /run/shown)" 'unknown'
sed -i '$d' /etc/preseed/services/sonarr.toml
assert_eq '' "$(wide preseedctl plan sonarr)"
assert_contains "$(cat /run/shown)" 'outcome'
assert_eq '' "$(wide preseedctl plan no-such-service)"
assert_eq '' "$(wide preseedctl enable no-such-service)"
assert_eq '' "$(wide preseedctl enable sonarr)"
assert_eq '' "$(wide preseedctl disable sonarr)"
assert_exit 1 preseedctl plan sonarr
assert_contains "$output" '
  outcome   sonarr: not started: there is no data, and repository local did not restore it, for the reason told below
'
assert_matches "$output" '^  restic    in doubt: repository local: it holds .*lets the service start empty$'
