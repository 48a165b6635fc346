# shellcheck shell=bash
# How a story is told. A line's first character says what it is, `cargo xtask demo` prints it so
# that a terminal shows it well: SOH an act, STX what the narrator says, ETX a command that is run,
# EOT what was checked. All others are what a command printed.

act() { # TITLE
    printf '\1%s\n' "$*"
}

say() { # SENTENCE...: each on a line of its own
    printf '\2%s\n' "$@"
}

# checked WHAT: what the assertions above it have shown.
checked() {
    printf '\4%s\n' "$*"
}

show() { # COMMAND-LINE
    printf '\3%s\n' "$1"
    eval "$1"
}

# The stage that follows begins with a boot.
show_reboot() {
    printf '\3reboot\n'
}

show_journal() { # UNIT...: what this boot's journal holds of them
    journalctl --sync
    show "journalctl --boot --no-hostname ${*/#/--unit=}"
}

# show_status UNIT: also of a unit that does not run.
show_status() {
    local status=0
    printf '\3%s\n' "systemctl status $1"
    systemctl status --no-pager --full --lines=0 "$1" || status=$?
    # systemctl(1): 3 is a unit that is not active.
    [[ $status == 0 || $status == 3 ]]
}

# What each loss cost, as preseed's own journal tells it: a line for each in this file.
COSTS=/var/lib/story/costs

# lost HOW: the service's data is lost now.
lost() {
    mkdir -p "${COSTS%/*}"
    printf '%s\t%s\n' "$(date +%s)" "$1" >"${COSTS%/*}/loss"
}

# back TIER: what was lost last is back. How long that took is from the start of `preseed-sonarr` until its journal said so;
# what was restored, and of when that is, it says itself.
back() {
    local at how restored message taken source begun ended
    IFS=$'\t' read -r at how <"${COSTS%/*}/loss"
    journalctl --sync
    restored=$(journalctl --boot --output=json PRESEED_SERVICE=sonarr PRESEED_OUTCOME=restored | tail -1)
    field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1" <<<"$restored"; }
    assert_eq "$1" "$(field PRESEED_TIER)" 'the tier that restored it'
    message=$(field MESSAGE)
    taken=$(grep -oE '\([0-9]{4}-[0-9]{2}-[0-9]{2}T[^)]*\)' <<<"$message" | head -1 | tr -d '()')
    source=$(sed -E 's/.* from (.*) \([0-9]{4}-.*/\1/; s/, .*//' <<<"$message")
    begun=$(systemctl show --property=ExecMainStartTimestampMonotonic --value preseed-sonarr)
    ended=$(field __MONOTONIC_TIMESTAMP)
    awk -v OFS='\t' -v how="$how" -v tier="$1" -v source="$source" -v took=$((ended - begun)) \
        -v old=$((at - $(date -d "$taken" +%s))) \
        'BEGIN { print how, tier, sprintf("%.1f s", took / 1000000), sprintf("%d s", old), source }' >>"$COSTS"
}

# show_costs: a table of all of them.
show_costs() {
    { printf 'LOST\tTIER\tRECOVERY TIME\tRECOVERY POINT\tFROM\n' && cat "$COSTS"; } | awk -F '\t' '
        { for (i = 1; i <= NF; i++) { cell[NR, i] = $i; if (length($i) > width[i]) width[i] = length($i) } }
        END { for (r = 1; r <= NR; r++) {
            for (i = 1; i < NF; i++) printf "%-*s  ", width[i], cell[r, i]
            print cell[r, NF] } }'
}
