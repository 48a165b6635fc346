# shellcheck shell=bash
# What the scripts beside this one measure with; `cargo xtask bench` puts it before each of them.
# They define `prepare` and either `round`, and perhaps `look`, or a function for each boot. Each is run as a stage of its
# own, with tests/lib.sh.

# timed NAME COMMAND...: says how long it takes and, as NAME-processor, how much of that all its processes are on the
# processor. What it prints is shown only if it fails.
timed() {
    local name=$1 start=$EPOCHREALTIME end status=0 TIMEFORMAT='%3U %3S'
    shift
    { time "$@" >/var/tmp/said 2>&1; } 2>/var/tmp/took || status=$?
    end=$EPOCHREALTIME
    [[ $status == 0 ]] || fail "$*" "exit $status" "$(</var/tmp/said)"
    printf '#sample %s %d\n' "$name" $((${end/./} - ${start/./}))
    awk -v name="$name" '{ printf "#sample %s-processor %d\n", name, ($1 + $2) * 1000000 }' /var/tmp/took
}

# in_turn ONE OTHER ARGUMENT...: both, and in the next round the other way round, so that neither always has the
# machine as it is later on.
in_turn() {
    local one=$1 other=$2
    shift 2
    if ((ROUND % 2)); then
        "$one" "$@"
        "$other" "$@"
    else
        "$other" "$@"
        "$one" "$@"
    fi
}

# programs NAME COMMAND...: says how many processes of which programs it starts, itself aside.
programs() {
    local name=$1
    shift
    rm -rf /var/tmp/trace
    mkdir /var/tmp/trace
    # A file for each process: in one for all, calls of several processes would be cut into pieces.
    strace --follow-forks --output-separately --seccomp-bpf --quiet=all --signal=none \
        --trace=execve --output=/var/tmp/trace/process "$@" >/var/tmp/said 2>&1 ||
        fail "$*" "$(</var/tmp/said)"
    printf '#fact %s %s\n' "$name" "$(
        cat /var/tmp/trace/* | grep ' = 0$' | sed -E 's/^execve\("([^"]*\/)?([^"]*)".*/\2/' |
            grep -vE '^(bash|(dataset|preseed|protect)-helper)$' | sort | uniq -c | sort -rn |
            awk '{ printf "%s%s %s", separator, $1, $2; separator = ", " }'
    )"
}

# fill DIR KILOBYTES: incompressible files of up to 8 MB, no two alike.
fill() {
    local directory=$1 left=$2 size number=0
    mkdir -p "$directory"
    while ((left > 0)); do
        size=$((left < 8192 ? left : 8192))
        dd if=/dev/urandom of="$directory/$((number += 1))" bs=64K count=$((size / 64)) \
            iflag=fullblock status=none
        left=$((left - size))
    done
}

# settle: nothing is left to be written or freed, and no data is in memory. The programs are.
settle() {
    sync
    zpool sync
    zpool wait -t free tank
    zpool export vault
    echo 3 >/proc/sys/vm/drop_caches
    zpool import vault
    zfs list >/dev/null
    restic version >/dev/null
    /usr/lib/preseed/preseed-helper --version >/dev/null
    systemctl show --property=Version >/dev/null
}

# forget NAME: the service's dataset goes, with all that restores have kept of it.
forget() {
    local dataset
    zfs destroy -r "tank/services/$1"
    for dataset in $(kept_datasets); do
        zfs destroy -r "$dataset"
    done
}

apply() { # NAME
    /usr/lib/preseed/dataset-helper apply "$1" >/dev/null
}

run() { # NAME
    /usr/lib/preseed/preseed-helper run "$1"
}

# with_data FIRST LAST LINE...: services app1, app2, …, declared by these LINEs, with their data there.
with_data() {
    local number first=$1 last=$2
    shift 2
    mkdir -p /etc/preseed/services
    for ((number = first; number <= last; number++)); do
        printf '%s\n' "$@" '[preseed]' 'tiers = ["snapshot"]' 'expect = ["db"]' >"/etc/preseed/services/app$number.toml"
        zfs create -o mountpoint="/srv/app$number" "tank/services/app$number"
        touch "/srv/app$number/db"
        apply "app$number" && run "app$number" >/dev/null
    done
}

# with_preseed NAME: the service's data is lost, and its restore measured.
with_preseed() {
    apply "$1"
    settle
    timed "run-$1" run "$1"
    assert_exists "/srv/$1/1"
    forget "$1"
}

look() {
    :
}
