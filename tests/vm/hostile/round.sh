# shellcheck shell=bash disable=SC2154
# One round: Mallory does to the places of his services whatever comes to mind, while root restores one of them, backs it up,
# takes snapshots, checks and releases. `$seed`, `$round`, `$number` (of the round in this boot) and `$extent` (`all` to look at
# /usr as well) are given.

here=/usr/lib/preseed-tests/hostile
# What they would begin at the end of the round would still be at work.
systemctl stop '*.timer'
# Longer than anything that is bounded may take: 60 s for a question to restic, 20 s for a `zfs`, the `stall-timeout`.
deadline=150
RANDOM=$((seed + round))
mapfile -t services </var/tmp/services
name=${services[(number + seed) % ${#services[@]}]}
refusals=0 actions=0
declare -A places
for one in "${services[@]}"; do
    places[$one]=$(sed -n 's/^mountpoint = "\(.*\)"/\1/p' "/etc/preseed/services/$one.toml")
done
place=${places[$name]}
problems=/run/hostile-problems
: >$problems
mkdir -p /run/hostile
problem() { # WHAT: every argument is a line
    printf '%s\n' "$@" | tee -a $problems
}
trap - ERR
set +eE

# bounded WHAT...: it may fail, but not hang.
bounded() {
    local status
    timeout --kill-after=5 $deadline "$@" >/run/hostile/output 2>&1
    status=$?
    ((actions++))
    if [[ $status == 124 || $status == 137 ]]; then
        problem "HANG: $* was not over after $deadline s" "$(ps axfo pid,user,stat,wchan:20,args | grep -v '\]$' | tail -n 40)"
    elif [[ $status == 101 || $status -ge 128 ]]; then
        problem "BREACH: $* ended with status $status" "$(tail -n 5 /run/hostile/output)"
    elif [[ $status != 0 && ! -s /run/hostile/output ]]; then
        problem "BREACH: $* failed with status $status and without a word"
    fi
    return $status
}

# started NAME: waits for its start to end. One that is refused says why.
started() {
    local unit told=
    bounded systemctl start "$1"
    if [[ $(unit_state "$1") == active ]]; then
        return 0
    fi
    ((refusals++))
    for unit in "dataset-$1" "preseed-$1"; do
        [[ $(unit_state "$unit") != failed ]] || told+=$(systemctl show --property=StatusText --value "$unit")
    done
    [[ -n $told ]] || problem "BREACH: $1 does not start, and nothing says why" "$(unit_status "preseed-$1")"
    echo "refused: $1: $told"
    systemctl reset-failed
    return 1
}

# as_mallory SECONDS COMMAND...
as_mallory() {
    timeout --kill-after=1 "$1" runuser -u mallory -- "${@:2}" >/dev/null 2>&1
}

# lose NAME: its files are gone, as far as that works while Mallory makes new ones.
lose() {
    local place=${places[$1]}
    if [[ $backend == directory && $((RANDOM % 2)) == 0 ]]; then
        timeout 20 rm -rf "$place" 2>/dev/null
    elif [[ -d $place && ! -L $place ]]; then
        timeout 20 find "$place" -xdev -mindepth 1 -delete 2>/dev/null
    fi
}

# save NAME: as an admin's backup does, with whatever is there.
save() {
    as_mallory 10 python3 $here/mallory.py fill "${places[$1]}" "$seed $round $step"
    case $1 in
    rollback | clone | paths) timeout 20 zfs snapshot "tank/services/$1@r-$round-$step" ;;
    receive)
        timeout 20 zfs snapshot "tank/services/$1@r-$round-$step" &&
            { timeout 30 zfs send "tank/services/$1@r-$round-$step" | timeout 30 zfs receive -u -F "vault/services/$1-new" &&
            zfs destroy -r "vault/services/$1" && zfs rename "vault/services/$1-new" "vault/services/$1"; }
        zfs destroy "tank/services/$1@r-$round-$step"
        ;;
    *) timeout 30 restic --repo "$REPOSITORY" --password-file "$PASSWORD_FILE" --no-cache backup --quiet --host "$(hostname)" \
        --tag "$1" "${places[$1]}" ;;
    esac >/dev/null 2>&1
}

# release_all: what is kept, if that may be.
release_all() {
    local kept
    bounded preseedctl kept --json || return
    kept=$(grep -o '"name": *"[^"]*"' /run/hostile/output | cut -d'"' -f4)
    [[ -z $kept ]] || while read -r one; do bounded preseedctl release "$one"; done <<<"$kept"
}

# restores: how many this boot has seen. The id is that of `Kind::Restored` in report/src/event.rs.
restores() {
    journalctl --sync
    journalctl --boot --quiet --output=cat MESSAGE_ID=eb90ae9437fc4c5bb21dd7042df28821 | wc -l
}
mounts() {
    findmnt --real --noheadings --raw --output=TARGET,SOURCE,OPTIONS | grep -vE '^/srv/(t-|mallory/|neighbour)' | sort
}
datasets() {
    [[ $backend == directory ]] ||
        zfs get -H -p -r -t filesystem,snapshot -o name,property,value \
            guid,mountpoint,canmount,readonly,mounted,setuid,devices tank vault |
        grep -vE '^(tank|vault)/services/[a-z]|preseed:memory'
}

restores=$(restores)
mounts >/run/hostile/mounts
datasets >/run/hostile/datasets
python3 $here/manifest.py take /run/hostile/manifest $extent
systemd-run --quiet --unit=mallory --uid=mallory --property=CPUQuota=50% --property=KillMode=control-group \
    --property=StandardOutput=file:/run/hostile/gains --property=OOMPolicy=continue --property=TasksMax=200 \
    --property=MemoryMax=400M \
    python3 -u $here/mallory.py attack "$seed $round" "${places[@]}"

for step in 1 2 3; do
    save "$name"
    # Mallory stands still while the data goes, else it would seldom be gone.
    systemctl freeze mallory 2>/dev/null
    lose "$name"
    ((RANDOM % 2)) || lose "${services[RANDOM % ${#services[@]}]}"
    systemctl start --no-block "$name"
    sleep "$((RANDOM % 3)).$((RANDOM % 10))"
    systemctl thaw mallory 2>/dev/null
    case $((RANDOM % 11)) in
    0) bounded preseedctl plan "$name" ;;
    1) bounded preseedctl check ;;
    2) bounded preseedctl remember ;;
    3) bounded preseedctl plan "${services[RANDOM % ${#services[@]}]}" ;;
    4) bounded systemctl status --no-pager "preseed-$name" "dataset-$name" ;;
    5) bounded preseedctl release --expired ;;
    6 | 7) bounded systemctl start "backup-$name" ;;
    8) bounded systemctl start storage-snapshots && bounded systemctl start storage-snapshots-proof ;;
    # While the service's restore is at work, and Mallory as well.
    *) bounded preseedctl drill "$name" ;;
    esac
    started "$name"
    if [[ $step == 2 ]]; then
        rm -rf /srv/neighbour/*
        started neighbour || problem 'BREACH: the neighbour does not start'
        difference=$(diff /var/tmp/neighbour <(fingerprint /srv/neighbour | grep -v ' \.$')) ||
            problem 'BREACH: the neighbour is not what it was' "$difference"
        systemctl stop neighbour
    fi
    bounded systemctl stop "$name"
    release_all
done

systemctl kill --signal=KILL mallory 2>/dev/null
systemctl thaw mallory 2>/dev/null
bounded systemctl stop mallory
for _ in {1..50}; do pkill --signal KILL --uid mallory || break; sleep 0.1; done
# A refusal that time may heal has set a timer.
bounded systemctl stop 'preseed-retry-*'
systemctl reset-failed

# Alone again, the data comes back or it is told why not, and nothing is left of what was begun.
step=last
lose "$name"
if started "$name"; then
    [[ -f $place/data ]] || problem "BREACH: $name has started without its data"
    if [[ $backend == zfs ]]; then
        left=$(zfs list -H -o name -r tank | grep -E "/$name:preseed-(staging|check)")
        [[ -z $left ]] || problem "BREACH: left of a restore: $left"
    fi
fi
bounded systemctl stop "$name"
release_all
bounded systemctl stop 'preseed-retry-*'
for _ in {1..600}; do
    left=$(pgrep -l -x 'preseed-helper|dataset-helper|protect-helper|restic|cp')
    [[ -n $left ]] || break
    sleep 0.1
done
[[ -z $left ]] || problem "HANG: still at work: $left"

[[ ! -s /run/hostile/gains ]] || ! grep -q '^GAIN' /run/hostile/gains || problem 'BREACH: Mallory has gained:' "$(sort /run/hostile/gains | uniq -c | head -n 20)"
difference=$(diff /run/hostile/mounts <(mounts)) || problem 'BREACH: mounts have changed:' "$difference"
! grep -qE 'preseed-(staging|check)|/run/preseed/private' /proc/1/mountinfo ||
    problem 'BREACH: the whole machine sees what is staged:' "$(grep preseed /proc/1/mountinfo)"
difference=$(diff /run/hostile/datasets <(datasets)) || problem 'BREACH: datasets have changed:' "$difference"
difference=$(python3 $here/manifest.py compare /run/hostile/manifest $extent) || problem 'BREACH: the machine has changed:' "$difference"
echo "sum: $(($(restores) - restores)) $refusals $actions $(grep -c '^disturbed' /run/hostile/gains)"
[[ ! -s $problems ]]
