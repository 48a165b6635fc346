# Names in the data, a server's words and the fields of a snapshot hold control characters. In the status, the journal
# and on the terminal they are escaped and stay on one line. Data that uses names of preseed's own, or names that are
# not UTF-8, is restored as it is.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
mkdir -p /var/lib/sonarr/.preseed-restic/sub /var/lib/sonarr/$'caf\xe9'
touch /var/lib/sonarr/.preseed-restic/sub/file /var/lib/sonarr/.preseed-restic-1 /var/lib/sonarr/$'caf\xe9/\e[2J\nx'
fingerprint /var/lib/sonarr >/var/tmp/before
backup_sonarr
lose_data /var/lib/sonarr
systemctl start sonarr
systemctl stop sonarr
diff <(grep -v sonarr.db /var/tmp/before) <(fingerprint /var/lib/sonarr | grep -v sonarr.db)

# A program that says what a terminal would obey.
cat >/usr/local/bin/restic <<'EOT'
#!/bin/bash
printf 'Fatal: \033]0;title\007\033[2J gone\r over\n' >&2
exit 1
EOT
chmod +x /usr/local/bin/restic
lose_data /var/lib/sonarr
assert_refused sonarr 'u\{1b\}\[2J gone'
assert_exit 1 preseedctl plan sonarr
assert_contains "$output" '\u{1b}[2J gone'
raw() {
    LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f]'
}
! raw <<<"$output" || fail 'a control character reached the terminal'
! systemctl show --property=StatusText preseed-sonarr.service | raw || fail 'a control character is in the status'
! unit_journal preseed-sonarr.service | raw || fail 'a control character is in the journal'
rm /usr/local/bin/restic

# Of another host, whose name is not one.
in_repository backup --quiet --host $'evil\e[2Jhost\n' /etc/hostname --tag x
in_repository backup --quiet --host $'evil\e[2Jhost\n' /var/lib/sonarr
assert_exit 0 preseedctl plan sonarr
! raw <<<"$output" || fail 'a control character reached the terminal'
