# `preseedctl kept` lists what restores replaced, with when, why and how large. It goes when somebody releases it by
# name, or by the daily timer once `keep-replaced` is over. Nothing else goes: not the service's data, not a copy of
# something kept, and nothing without a readable time, a declared service or a successor.

declare_default_host
repository_init
declare_sonarr 'on-partial = "restore"' 'keep-replaced = "1d"'
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
backup_sonarr
assert_active storage-preseed-kept.timer
# In tenths: how exposed it may be at most.
systemd-analyze security --no-pager --threshold=46 storage-preseed-kept.service | tail -n 1
assert_exit 0 preseedctl kept
assert_eq 'nothing is kept that a restore replaced' "$output"

daily() { # Oftener than that.
    systemctl reset-failed storage-preseed-kept
    systemctl start storage-preseed-kept
}
restored_over() { # ENTRY: part of the data is lost, and what is left replaced
    rm /var/lib/sonarr/sonarr.db
    head -c 1M /dev/urandom >"/var/lib/sonarr/$1"
    systemctl start sonarr
    systemctl stop sonarr
    kept=$(dirname /var/lib/.sonarr:preseed-kept-*/"$1")
    assert_exists "$kept/$1"
}
set_note() { # DIRECTORY WORD=VALUE: when it was replaced (at), or for how long it has been kept (age, in seconds)
    local note
    note=$(getfattr --only-values -n trusted.preseed.kept "$1")
    note=$(sed -E "s/ ${2%=*}=[^ ]+//; s/( why=)/ $2\1/; s/( at=[^ ]+)?( age=[^ ]+)( at=[^ ]+)?( why=[^ ]+)/\1\3\4\2/" <<<"$note")
    setfattr -n trusted.preseed.kept -v "$note" "$1"
}

restored_over first
assert_exit 0 preseedctl kept
assert_contains "$output" "$kept
    was       /var/lib/sonarr of service sonarr
    replaced  "
assert_matches "$output" 'replaced  2[0-9-]+T[0-9:.]+Z, by a restore by restic from [0-9a-f]{8}'
assert_matches "$output" 'frees     1\.[0-9]+ MiB$'
assert_contains "$output" 'expires   after 1d more in which the machine is up and the data there; 0s until now'
assert_matches "$output" '^1 kept, 1\.[0-9]+ MiB in all'
assert_exit 0 preseedctl kept --json
assert_contains "$output" "\"name\": \"$kept\""
assert_contains "$output" '"why": "before-restic"'

# Its time is not over, then it is. A clock that was wrong when it was replaced does not shorten it.
set_note "$kept" at=2026-01-01T00:00:00Z
daily
assert_exists "$kept"
set_note "$kept" at=yesterday
set_note "$kept" age=86400
daily
assert_exists "$kept"
assert_exit 0 preseedctl kept
assert_contains "$output" 'at a time that cannot be read'
set_note "$kept" at=2026-01-01T00:00:00Z
cp -a "$kept" "/var/lib/.sonarr:preseed-kept-20260101T000000Z-before-copy"
daily
assert_absent "$kept"
assert_exists "/var/lib/.sonarr:preseed-kept-20260101T000000Z-before-copy/first"
assert_journal storage-preseed-kept.service "released $kept: freed 1\.[0-9]+ MiB"
rm -r "/var/lib/.sonarr:preseed-kept-20260101T000000Z-before-copy"

# By name, and only by the name of a kept one.
restored_over second
for other in /var/lib/sonarr /var/lib nosuch "$kept/second"; do
    assert_exit 1 preseedctl release "$other"
    assert_contains "$output" "$other: no restore replaced this"
done
mv /var/lib/sonarr /var/lib/moved
assert_exit 1 preseedctl release "$kept"
assert_contains "$output" 'it may be the only copy: /var/lib/sonarr is not there'
mv /var/lib/moved /var/lib/sonarr

# Forever, or of a service that is declared no more: never by itself.
set_note "$kept" age=8640000
declare_sonarr 'keep-replaced = "forever"'
daily
assert_exists "$kept"
rm /etc/preseed/services/sonarr.toml
declare_service lidarr <<'END'
[dataset]
mountpoint = "/var/lib/lidarr"
END
daily
assert_exists "$kept"
assert_exit 0 preseedctl kept
assert_contains "$output" 'was       /var/lib/sonarr, of no declared service'
assert_contains "$output" 'expires   never: its service is not declared'
assert_exit 0 preseedctl release --yes "$kept"
assert_contains "$output" "released $kept: freed 1."
assert_absent "$kept"
assert_exists /var/lib/sonarr/sonarr.db
