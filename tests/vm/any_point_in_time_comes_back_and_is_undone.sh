# `preseedctl restore --at` brings back the newest state that is not younger, from whatever tier has it: one that only
# restic has, one that only a replica has, a local snapshot. `--stop` stops the service and starts it again. `undo` brings
# back what was there, and keeps what was written since: another undo brings that back. Nothing is rolled back, nothing lost.

sonarr_with 'Restic'
in_repository backup --quiet --host "$(hostname)" --tag sonarr,media,database --time '2001-02-03 04:05:06' /var/lib/sonarr
zfs list -H -t snapshot -o name tank/services/sonarr | xargs -r -n 1 zfs destroy
state() { # TITLE SNAPSHOT: a further series, and a snapshot of a second of its own
    systemctl start sonarr
    add_series "$1"
    systemctl stop sonarr
    zfs snapshot "$DATASET@$2"
    eventually is_past "$DATASET@$2"
}
at() { # SNAPSHOT: when it was taken
    date -u -d "@$(zfs get -Hp -o value creation "$1")" +%FT%TZ
}
state 'Replica' replicated
replicate "$DATASET@replicated"
zfs destroy "$DATASET@replicated"
state 'Local' local
systemctl start sonarr
add_series 'Now'

# What there is, in 80 columns.
assert_exit 0 preseedctl list sonarr
assert_matches "$output" '^TAKEN +AGE +SIZE DATA FROM +SNAPSHOT$'
assert_matches "$output" ' yes  local local$'
assert_matches "$output" ' yes  vault replicated$'
assert_matches "$output" '^2001-02-03 .* yes  local [0-9a-f]{8}$'
assert_eq '' "$(awk 'length > 80' <<<"$output")" 'lines of more than 80 columns'
assert_eq "local
replicated" "$(awk '/ yes /{print $NF}' <<<"$output" | head -n 2)" 'the newest first'
assert_exit 0 preseedctl list sonarr --json
assert_contains "$output" '"name": "vault/services/sonarr@replicated"'

# Not while it runs, and not unasked.
assert_exit 1 preseedctl restore sonarr --at '2001-02-03 12:00 UTC' --yes
assert_contains "$output" 'sonarr: sonarr.service must be stopped first: `systemctl stop sonarr.service`, or add --stop'
assert_exit 1 preseedctl restore sonarr --at '2001-02-03 12:00 UTC' --stop
assert_contains "$output" 'nobody is there to be asked: to restore sonarr all the same, add --yes'
assert_series 'Restic' 'Replica' 'Local' 'Now'
assert_exit 1 preseedctl restore sonarr --at '2000-01-01' --stop --yes
assert_contains "$output" 'sonarr: there is no snapshot of before 2000-01-01T00:00:00Z that holds its data: `preseedctl list sonarr` shows what there is'
assert_active sonarr.service

# What only restic has, with its neighbours.
assert_exit 0 preseedctl restore sonarr --at '2001-02-03 12:00 UTC' --stop --yes
assert_matches "$output" '^  takes     [0-9a-f]{8} of repository local of 2001-02-03T04:05:06Z, 7h before, from repository local$'
assert_matches "$output" '^  later     vault/services/sonarr@replicated of .*d after$'
assert_eq '`preseedctl undo sonarr` brings it back' "${output##*; }" 'the last line'
assert_active sonarr.service
assert_series 'Restic'
assert_mark "$DATASET" restic
add_series 'Written since'

# And back, with what was written since; and back again.
assert_exit 0 preseedctl undo sonarr --stop --yes
assert_matches "$output" '^  written   since the restore [0-9]+ files?, .*sonarr.db'
assert_series 'Restic' 'Replica' 'Local' 'Now'
assert_mark "$DATASET" undo
assert_properties "$DATASET" canmount=on origin=- preseed:kept=- com.sun:auto-snapshot=-
assert_not_ignored "$DATASET"
assert_exit 0 preseedctl undo sonarr --stop --yes
assert_series 'Restic' 'Written since'
assert_exit 0 preseedctl undo sonarr --stop --yes
assert_series 'Restic' 'Replica' 'Local' 'Now'
assert_eq 1 "$(kept_datasets | wc -l)" 'of all these, the one that is not in its place is kept'
assert_eq "$DATASET@local" "$(zfs list -H -t snapshot -o name "$DATASET")"

# What only the replica has.
systemctl stop sonarr
assert_exit 0 preseedctl restore sonarr --at "$(at vault/services/sonarr@replicated)" --yes
assert_matches "$output" '^  takes     vault/services/sonarr@replicated of .*at the same time, from replica vault$'
assert_matches "$output" '^  earlier   [0-9a-f]{8} of 2001-'
assert_matches "$output" '^  later     tank/services/sonarr@local of'
starts_with 'Restic' 'Replica'
for back in 'Restic Replica Local Now' 'Restic Replica' 'Restic Replica Local Now'; do
    assert_exit 0 preseedctl undo sonarr --yes
    # shellcheck disable=SC2086
    starts_with $back
done

# A clone, which takes the snapshots along; the undo brings them back as they were.
zfs snapshot "$DATASET@newer"
assert_exit 0 preseedctl restore sonarr --snapshot local --yes
assert_contains "$output" "sonarr: restored from $DATASET@local of "
starts_with 'Restic' 'Replica' 'Local'
systemctl start sonarr
add_series 'After the clone'
systemctl stop sonarr
assert_exit 0 preseedctl undo sonarr --yes
starts_with 'Restic' 'Replica' 'Local' 'Now'
assert_eq "$DATASET@local
$DATASET@newer" "$(zfs list -H -t snapshot -o name -s createtxg "$DATASET")" 'its snapshots'
assert_properties "$DATASET" origin=- canmount=on
assert_exit 0 preseedctl undo sonarr --yes
starts_with 'Restic' 'Replica' 'Local' 'After the clone'
assert_properties "$DATASET" origin=- canmount=on

# Only a tier, a snapshot that is none, and a time that is none.
assert_exit 0 preseedctl restore sonarr --tier restic --yes
starts_with 'Restic'
for wrong in '--snapshot nosuch' '--at whenever' '--tier rollback' '--at -2h --snapshot local' '--paths config.xml'; do
    # shellcheck disable=SC2086
    preseedctl restore sonarr $wrong --yes >/var/tmp/said 2>&1 && fail "restore $wrong"
    grep -q . /var/tmp/said
done
assert_exit 1 preseedctl restore sonarr --at whenever --yes
assert_contains "$output" '`whenever`: this is no time that is understood: write it as in systemd.time(7), e.g. `yesterday 18:00`'
