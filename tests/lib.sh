# shellcheck shell=bash
# What scenarios say. Every stage sources this first, in the container and in the virtual machine.
# A check that fails prints the scenario's line, what was expected and what was there,
# and ends the stage.

set -Eeuo pipefail
# How the stage came by this file; programs it starts are not stages.
unset BASH_ENV
export HOME=/root LC_ALL=C SYSTEMD_PAGER='' SYSTEMD_COLORS=0

PATH=/usr/lib/preseed-tests:$PATH
# How long `zpool import` waits for udev to know a disk (zpool(8)). Udev of the quick guest knows none.
export ZPOOL_IMPORT_UDEV_TIMEOUT_MS=500
# The local restic repository that `repository_init` makes.
REPOSITORY=/var/lib/restic-repo
PASSWORD_FILE=/etc/preseed/secrets/local

trap 'unexpected_failure $? "$BASH_COMMAND"' ERR

# The line of the scenario that is being run, whatever function of these libraries it called: FILE:LINE.
where() {
    local frame
    for frame in "${!BASH_SOURCE[@]}"; do
        [[ ${BASH_SOURCE[frame]%/*} == "${BASH_SOURCE[0]%/*}" ]] && continue
        printf '%s:%s' "${BASH_SOURCE[frame]##*/}" "${BASH_LINENO[frame - 1]}"
        return
    done
}

# unexpected_failure STATUS COMMAND: a command nobody expected to fail did.
unexpected_failure() {
    printf '%s: exit %s: %s\n' "$(where)" "$1" "$2" >&2
}

# fail WHAT...: end the stage; every argument is a line.
fail() {
    local first=$1
    shift
    printf '%s: %s\n' "$(where)" "$first" >&2
    [[ $# == 0 ]] || printf '    %s\n' "${@//$'\n'/$'\n'    }" >&2
    exit 1
}

# Declarations

# declare_host <<EOF: what the host's services share.
declare_host() {
    mkdir -p /etc/preseed
    cat >/etc/preseed/preseed.toml
}

# declare_service NAME <<EOF
declare_service() {
    mkdir -p /etc/preseed/services
    cat >"/etc/preseed/services/$1.toml"
}

# Where data is kept on this machine, and the repository `local` that `repository_init` makes:
# datasets where there is a pool `tank`, else directories.
declare_default_host() {
    declare_host <<-EOF
	[storage]
	$(if command -v zpool >/dev/null && zpool list tank >/dev/null; then
        printf 'backend = "zfs"\nparent = "tank/services"'
    else
        printf 'backend = "directory"'
    fi)

	[repository.local]
	url = "$REPOSITORY"
	password-file = "$PASSWORD_FILE"
	EOF
}

# declare_sonarr [LINE...]: Sonarr as shipped, with its backups in `local`, and LINEs for [preseed]. Its database is
# checked only if a LINE says so: checks have scenarios of their own.
declare_sonarr() {
    declare_service sonarr <<-EOF
	template = "sonarr"

	[backup]
	repository = "local"
	$(printf '\n[preseed]\n'
    [[ $* == *verify\ =* ]] || printf 'verify = []\n'
    [[ $# -eq 0 ]] || printf '%s\n' "$@")
	EOF
}

# declare_drilled_sonarr [LINE...]: the same, with its database checked, and drilled every week.
declare_drilled_sonarr() {
    declare_sonarr 'verify = [{ sqlite = "sonarr.db" }]' "$@"
    printf '\n[drill]\nschedule = "weekly"\n' >>/etc/preseed/services/sonarr.toml
}

# declare_of_catalog NAME...: each a service of two lines, as the catalog has it, with its backups in `local`.
declare_of_catalog() {
    local name
    for name; do
        declare_service "$name" <<<"template = \"$name\""$'\n''backup.repository = "local"'
    done
}

# places_of_app: tables for the declaration of `app`: a place in its data, one elsewhere, and a cache.
places_of_app() {
    cat <<'EOF'
[place.covers]
mountpoint = "media/covers"
recordsize = "1M"
expect = ["a.jpg"]
[place.config]
mountpoint = "/etc/app"
expect = ["app.conf"]
[place.cache]
mountpoint = "cache"
restore = false
EOF
}

# declare_app: `app` with these places, whose data comes back from its snapshots.
declare_app() {
    declare_service app <<-EOF
	[dataset]
	mountpoint = "/var/lib/app"
	[preseed]
	tiers = ["rollback", "snapshot"]
	expect = ["db"]
	$(places_of_app)
	EOF
}

# fill_app WHAT: into each of its parts that is restored.
fill_app() {
    echo "$1" | tee /var/lib/app/db /var/lib/app/media/covers/a.jpg >/etc/app/app.conf
}

# app_holds: what `fill_app` has put into each.
app_holds() {
    cat /var/lib/app/db /var/lib/app/media/covers/a.jpg /etc/app/app.conf | paste -sd ' '
}

# As after editing a declaration: systemd runs the generators again.
reload() {
    systemctl daemon-reload
}

# Checks

assert_eq() { # EXPECTED GOT [WHAT]
    [[ $1 == "$2" ]] || fail "${3:-not equal}" "expected: $1" "got:      $2"
}

assert_contains() { # TEXT PART [WHAT]
    [[ $1 == *"$2"* ]] || fail "${3:-text lacks a part}" "expected: …$2…" "got:      $1"
}

assert_lacks() { # TEXT PART [WHAT]
    [[ $1 != *"$2"* ]] || fail "${3:-text holds what it must not}" "unexpected: $2" "in:         $1"
}

assert_matches() { # TEXT REGEX [WHAT]
    grep -qE -- "$2" <<<"$1" || fail "${3:-text does not match}" "expected: /$2/" "got:      $1"
}

assert_exists() { # PATH...
    local path
    for path; do
        [[ -e $path || -L $path ]] || fail "$path is not there" "$(ls -la "${path%/*}" 2>&1 || true)"
    done
}

assert_absent() { # PATH...
    local path
    for path; do
        [[ ! -e $path && ! -L $path ]] || fail "$path is there" "$(ls -la "$path")"
    done
}

# assert_exit STATUS COMMAND...: the command ends with that status. Its output is in $output.
assert_exit() {
    local expected=$1 status=0
    shift
    output=$("$@" 2>&1) || status=$?
    [[ $status == "$expected" ]] || fail "$*" "expected: exit $expected" "got:      exit $status" "$output"
}

# eventually COMMAND...: wait until it succeeds, for what tells nobody when it is ready.
eventually() {
    local deadline=$((SECONDS + 120))
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || fail "not within 120 s: $*"
        sleep 0.05
    done
}

# stand_still_with FILE: process $! locks it, and stands still. It has no child that may not have begun yet.
stand_still_with() {
    flock --no-fork "$1" sleep 1000 &
    # Whoever only waits for a lock has `->` before FLOCK (proc_locks(5)).
    eventually grep -E "^[0-9]+: FLOCK +ADVISORY +WRITE +$! " /proc/locks
}

# zfs_can_stop: from now on, `zfs` stands still before the call that `stop_zfs_at` names.
zfs_can_stop() {
    local zfs
    zfs=$(command -v zfs)
    cat >/usr/local/sbin/zfs <<-EOF
	#!/bin/bash
	if [[ -e /run/stop-at && "\$*" == \$(</run/stop-at) ]]; then
	    rm /run/stop-at
	    touch /run/stopped
	    exec sleep infinity
	fi
	exec $zfs "\$@"
	EOF
    chmod +x /usr/local/sbin/zfs
}

# zfs_receives_half: from now on, `zfs receive` is given 20 MB of its stream. When they are read, /run/half is there; the rest
# comes once /run/rest is there.
zfs_receives_half() {
    local zfs
    zfs=$(command -v zfs)
    cat >/usr/local/sbin/zfs <<-EOF
	#!/bin/bash
	rest() {
	    head -c 20000000
	    touch /run/half
	    until [[ -e /run/rest ]]; do sleep 0.05; done
	    exec cat
	}
	[[ \$1 != receive || -e /run/rest ]] || exec < <(rest)
	exec -a zfs $zfs "\$@"
	EOF
    chmod +x /usr/local/sbin/zfs
}

# stop_zfs_at PATTERN: before its next call with such arguments, once.
stop_zfs_at() {
    rm -f /run/stopped
    echo "$1" >/run/stop-at
}

# zfs_has_stopped: waits until it has.
zfs_has_stopped() {
    timeout 120 bash -c 'until [[ -e /run/stopped ]]; do sleep 0.1; done'
}

# set_clock SECONDS: to so many after the epoch. What timers would start then, a scenario starts itself.
set_clock() {
    systemctl stop '*.timer'
    date --set "@$1" >/dev/null
}

# time_passes SECONDS: the clock goes on by more than that, and by a second more at most: what is so old is older than that
# also for who counts in whole seconds.
time_passes() {
    set_clock $(($(date +%s) + $1 + 1))
}

# time_is HH:MM: of this day. At its beginning, what is due once a day is due as well.
time_is() {
    set_clock "$(date --date="$(date +%F) $1" +%s)"
}

# is_past SNAPSHOT: whether the second in which it was made is over. For `eventually`: a later one is of another second then.
is_past() {
    (($(date +%s) > $(zfs get -Hp -o value creation "$1")))
}

# stands_in PROCESS DIR: whether that is its working directory. For `eventually`.
stands_in() {
    [[ $(readlink "/proc/$1/cwd") == "$2" ]]
}

unit_state() { # UNIT
    systemctl show --property=ActiveState --value -- "$1"
}

# assert_active UNIT...: now, or, for what a program other than systemd mounts, once systemd has read of it: when many
# mounts change, it waits up to a second before it reads again.
assert_active() {
    local unit states
    if [[ $* != *.mount* ]]; then
        # All in one question, if there is nothing else to tell.
        states=$(systemctl show --property=ActiveState --value -- "$@" | sort --unique | xargs)
        [[ $states != active ]] || return 0
    fi
    for unit; do
        [[ $unit != *.mount ]] || eventually systemctl --quiet is-active -- "$unit"
        [[ $(unit_state "$unit") == active ]] ||
            fail "$unit" 'expected: active' "got:      $(unit_state "$unit")" "$(unit_status "$unit")"
    done
}

assert_not_active() { # UNIT...
    local unit state
    for unit; do
        state=$(unit_state "$unit")
        [[ $state == inactive || $state == failed ]] ||
            fail "$unit" 'expected: not active' "got:      $state" "$(unit_status "$unit")"
    done
}

assert_failed() { # UNIT...
    local unit
    for unit; do
        [[ $(unit_state "$unit") == failed ]] ||
            fail "$unit" 'expected: failed' "got:      $(unit_state "$unit")" "$(unit_status "$unit")"
    done
}

# unit_status UNIT: what an admin sees; the exit status only tells the unit's state.
unit_status() {
    systemctl status --no-pager --full --lines=20 -- "$1" 2>&1 || true
}

# unit_journal UNIT: what this boot's journal says about it, messages only.
unit_journal() {
    journalctl --sync
    journalctl --boot --no-pager --output=cat --unit="$1"
}

assert_status() { # UNIT REGEX
    assert_matches "$(unit_status "$1")" "$2" "systemctl status $1"
}

assert_journal() { # UNIT REGEX
    assert_matches "$(unit_journal "$1")" "$2" "journalctl -u $1"
}

assert_no_journal() { # UNIT REGEX
    ! grep -qE -- "$2" <<<"$(unit_journal "$1")" ||
        fail "journalctl -u $1" "unexpected: /$2/" "got:        $(unit_journal "$1")"
}

# assert_refused NAME REGEX: the service does not start, and the status of the unit that failed for it says why.
assert_refused() {
    local service dataset preseed unit= told=
    systemctl reset-failed
    assert_exit 1 systemctl start "$1.service"
    # In one question: in the quick guest, each takes 50 ms.
    read -rd '' service dataset preseed < <(
        systemctl show --property=ActiveState --value -- "$1.service" "dataset-$1.service" "preseed-$1.service"
    ) || true
    [[ $service == inactive || $service == failed ]] || assert_not_active "$1.service"
    [[ $dataset != failed ]] || unit=dataset-$1.service
    [[ $preseed != failed ]] || unit=preseed-$1.service
    [[ -z $unit ]] || told=$(systemctl show --property=StatusText --value -- "$unit")
    assert_matches "$told" "$2" "why $1 does not start"
}

# invocation UNIT: changes with every start of the unit.
invocation() {
    systemctl show --property=InvocationID --value -- "$1"
}

# The small service in Sonarr's shape

series() {
    sonarr list
}

add_series() { # TITLE
    sonarr add "$1"
}

assert_series() { # TITLE...: exactly these, in this order
    assert_eq "$(printf '%s\n' "$@")" "$(series)" "the service's series"
}

assert_no_series() {
    assert_eq '' "$(series)" "the service's series"
}

# idle_service NAME: a service that needs no more than to be started.
idle_service() {
    cat >"/etc/systemd/system/$1.service" <<'EOT'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
EOT
}

# fresh_data USER DIR [TITLE...]: what the same small service makes of an empty directory when USER runs it there by hand.
fresh_data() {
    local at=127.0.0.1:9999 process title
    setpriv --reuid="$1" --regid="$1" --clear-groups /usr/lib/preseed-tests/sonarr serve --data "$2" --listen "$at" &
    process=$!
    eventually sonarr health --at "$at"
    for title in "${@:3}"; do
        sonarr add --at "$at" "$title"
    done
    kill "$process"
    wait "$process" || true
}

# another_service NAME PORT: the same small service under another name, its data in /var/lib/NAME.
another_service() {
    printf 'u %s -\n' "$1" | systemd-sysusers -
    cat >"/etc/systemd/system/$1.service" <<-EOF
	[Service]
	Type=notify
	User=$1
	ExecStart=/usr/lib/preseed-tests/sonarr serve --data /var/lib/$1 --listen 127.0.0.1:$2

	[Install]
	WantedBy=multi-user.target
	EOF
    systemctl enable --quiet "$1.service"
}

# lose_data DIR: what a careless `rm -rf` does; a mounted dataset stays, empty.
lose_data() {
    if mountpoint -q "$1"; then
        find "$1" -mindepth 1 -delete
    else
        rm -rf "$1"
    fi
}

# Real software

# What `# packages:` has brought, with versions, for those who read the output.
installed() {
    cat /etc/preseed-software
}

# PostgreSQL

# declare_postgresql [LINE...]: Debian's cluster `main` as a service, with its backups in `local`, and LINEs for [backup].
# Its version, unit and directory are in $version, $unit and $data.
declare_postgresql() {
    version=$(ls /usr/lib/postgresql)
    unit=postgresql@$version-main.service
    data=/var/lib/postgresql/$version/main
    declare_service postgresql <<-EOF
	[dataset]
	recordsize = "8K"
	compression = "lz4"
	mountpoint = "$data"
	owner = "postgres"
	group = "postgres"
	mode = "0700"

	[preseed]
	unit = "$unit"
	expect = ["PG_VERSION", "base", "global"]

	[backup]
	repository = "local"
	tags = ["postgresql"]
	$(printf '%s\n' "$@")
	EOF
}

# sql STATEMENT: as the cluster's own user.
sql() {
    runuser -u postgres -- psql --quiet --no-align --tuples-only --command "$1"
}

# ZFS

# declare_vault: the pool `vault` as where replicas are, none yet. After declare_default_host.
declare_vault() {
    zfs create -o mountpoint=none vault/services
    cat >>/etc/preseed/preseed.toml <<-EOF

	[replica.vault]
	parent = "vault/services"
	EOF
}

# The datasets of `sonarr` and of `app`.
DATASET=tank/services/sonarr
APP=tank/services/app

# sonarr_with TITLE: declared with all three tiers, its dataset made, this series in it, stopped.
sonarr_with() {
    declare_default_host
    declare_vault
    repository_init
    declare_sonarr
    reload
    systemctl start sonarr
    add_series "$1"
    systemctl stop sonarr
}

# replicate SNAPSHOT [SEND-OPTION...]: to the vault.
replicate() {
    local snapshot=$1
    shift
    zfs send "$@" "$snapshot" | zfs receive -u vault/services/sonarr
}

# destroy_sonarr: the dataset with all its snapshots.
destroy_sonarr() {
    ! mountpoint -q /var/lib/sonarr || umount /var/lib/sonarr
    zfs destroy -r "$DATASET"
}

# starts_with TITLE...: sonarr starts and has exactly these series; it is stopped again.
starts_with() {
    systemctl reset-failed
    systemctl start sonarr
    assert_series "$@"
    systemctl stop sonarr
}

# properties: of all datasets of the pool `tank`, except what differs from one minute to the next.
properties() {
    zfs get -H -p -r -t filesystem -o name,property,value,source all tank |
        grep -vE '	(used|available|referenced|written|logical|usedby|compressratio|refcompressratio|objsetid|snapshots_changed)'
}

assert_properties() { # DATASET PROPERTY=VALUE...
    local dataset=$1 wanted
    shift
    for wanted; do
        assert_eq "$wanted" "${wanted%%=*}=$(zfs get -H -p -o value "${wanted%%=*}" "$dataset")" "$dataset"
    done
}

# assert_mark DATASET BY: a mark of its own, bound to its guid, that says how the data came.
assert_mark() {
    assert_matches "$(zfs get -H -o source,value preseed:state "$1")" \
        "^local	seeded of=guid:$(zfs get -H -p -o value guid "$1") by=$2 " "the mark of $1"
}

# assert_not_ignored DATASET: nothing is left of its time as a staged dataset.
assert_not_ignored() {
    assert_properties "$1" org.openzfs.systemd:ignore=-
    assert_exit 1 zfs list "$1:preseed-staging"
}

# Datasets that restores replaced.
kept_datasets() {
    zfs list -H -r -o name tank/services | grep ':preseed-kept-' || true
}

# restic

# repository_init [DIRECTORY]: a repository on this machine, and the password file that goes with it. The key is one that
# costs restic nothing to try, see tests/repository/make.py: else each call of restic would take a second.
repository_init() {
    local directory=${1:-$REPOSITORY}
    password_file
    (
        umask 077
        mkdir "$directory"
        cp -R /usr/lib/preseed-tests/repository/. "$directory"
        mkdir "$directory"/{data,index,locks,snapshots}
    )
}

# declare_radarr PORT <<EOF: a second service of Sonarr's shape, with its name as the tag of its backups, and what is given.
declare_radarr() {
    another_service radarr "$1"
    {
        cat <<-EOT
	[dataset]
	mountpoint = "/var/lib/radarr"
	owner = "radarr"

	[backup]
	repository = "local"
	tags = ["radarr"]

	EOT
        cat
    } | declare_service radarr
}

# lose_sonarr_beside_radarr: both services have run, Sonarr's data is in the repository, and lost.
lose_sonarr_beside_radarr() {
    declare_default_host
    repository_init
    declare_sonarr
    declare_radarr 7878 </dev/null
    reload
    systemctl start sonarr radarr
    add_series 'The Expanse'
    backup_sonarr
    systemctl stop sonarr
    lose_data /var/lib/sonarr
}

# The password file of `local`.
password_file() {
    install -d -m 0700 "${PASSWORD_FILE%/*}"
    (umask 077 && printf 'correct horse\n' >"$PASSWORD_FILE")
}

in_repository() { # RESTIC-ARGUMENT...
    local lock=()
    # Who makes a lock waits for 0.2 s before it looks for those of others.
    [[ $1 != @(cat|list|ls|snapshots) ]] || lock=(--no-lock)
    restic --repo "$REPOSITORY" --password-file "$PASSWORD_FILE" --no-cache "${lock[@]}" "$@"
}

# store_again HOST TIME [HOST TIME]...: the snapshot that was stored last, once more as of each of these (RFC 3339).
store_again() {
    local last
    last=$(ls -t "$REPOSITORY/snapshots" | sed q)
    in_repository cat snapshot "$last" |
        python3 /usr/lib/preseed-tests/store_again.py "$REPOSITORY" "$PASSWORD_FILE" "$@"
}

# lock_repository: by a check that stands still in the middle of its work; its process is $holder.
lock_repository() {
    # It works for a few tenths of a second, and may be over before it is stopped.
    until
        restic --repo "$REPOSITORY" --password-file "$PASSWORD_FILE" --no-cache check --read-data &>/dev/null &
        holder=$!
        # Written under another name first.
        eventually eval '! kill -0 "$holder" || ls "$REPOSITORY/locks" | grep -v tmp'
        kill -STOP "$holder" && eventually is_over_or_stands_still "$holder" && kill -0 "$holder" &&
            ls "$REPOSITORY/locks" | grep -qv tmp
    do
        kill -KILL "$holder" || true
        wait "$holder" || true
    done
}

# is_over_or_stands_still PROCESS: a signal has stopped all its threads, or it ended before.
is_over_or_stands_still() {
    ! kill -0 "$1" || [[ $(ps -L -o state= -p "$1" | sort -u) == T ]]
}

# backup PATH TAG...: as this host's nightly backup would.
backup() {
    local path=$1
    shift
    in_repository backup --quiet --host "$(hostname)" "${@/#/--tag=}" "$path"
}

backup_sonarr() {
    backup /var/lib/sonarr sonarr media database
}

# backup_as_declared NAME...: as a nightly backup would that does what these services' [backup] say; in one snapshot.
backup_as_declared() {
    local arguments
    mapfile -t arguments < <(
        for name; do preseedctl show --json "$name"; done | python3 -c '
import json, sys
text = sys.stdin.read()
while text.strip():
    declared, end = json.JSONDecoder().raw_decode(text.lstrip())
    text = text.lstrip()[end:]
    backup = declared["backup"]
    path = backup["path"]["value"]
    print(path)
    for tag in backup["tags"]["value"]:
        print("--tag=" + tag)
    for pattern in backup["exclude"]["value"]:
        print("--exclude=" + (path if pattern.startswith("/") else "") + pattern)'
    )
    in_repository backup --quiet --host "$(hostname)" "${arguments[@]}"
}

# hold_up_the_restore: the one large part of the repository becomes a pipe, at which a restore that reads it stands
# still.
hold_up_the_restore() {
    PART=$(find "$REPOSITORY/data" -type f -size +1M)
    mv "$PART" "$REPOSITORY/part"
    mkfifo "$PART"
}

# feed FILE PIPE: to whoever reads PIPE in the place of FILE. restic does not read the last bytes of a pack.
feed() {
    # systemd has the signal ignored by what it starts; then it would be an error like others.
    env --default-signal=PIPE cat "$1" >"$2" || (($? == 141))
}

# disk_goes_away_during_restore: once the restore has begun to read the large part. What it reads of it is no data:
# restic before 0.17 looks 40 s for a part that is missing, but tells at once of one that is damaged.
disk_goes_away_during_restore() {
    local pipe
    exec {pipe}>"$PART"
    mv "$REPOSITORY/data" "$REPOSITORY/away"
    env --default-signal=PIPE head -c "$(stat -c %s "$REPOSITORY/part")" /dev/urandom >&"$pipe" || (($? == 141))
    exec {pipe}>&-
}

# disk_comes_back: with all that was on it.
disk_comes_back() {
    mv "$REPOSITORY/part" "${PART/data/away}"
    mv "$REPOSITORY/away" "$REPOSITORY/data"
}

# Trees

# fingerprint DIR: all that a restore must bring back, one line a fact, in an order that does not
# depend on the file system: type, mode, owners, size, time, link target, hard links, contents,
# extended attributes (preseed's own mark aside) and ACLs.
fingerprint() {
    (
        cd "$1"
        find . \( -type d -printf '%y %m %U:%G - %T@ %p\n' \) \
            -o -printf '%y %m %U:%G %s %T@ %p -> %l\n' | sort -k6
        find . -type f -links +1 -printf '%i %P\n' | sort -k2 |
            awk '{ inode = $1; sub(/^[^ ]+ /, ""); if (!(inode in first)) first[inode] = $0; print "same file: " $0 " = " first[inode] }'
        find . -type f -print0 | sort -z | xargs -0r sha256sum
        find . -print0 | sort -z | xargs -0 getfattr --no-dereference --dump --match='^(user|security|trusted[.][^p])' --encoding=hex --
        find . ! -type l -print0 | sort -z | xargs -0 getfacl --numeric --skip-base --
    )
}

assert_same_tree() { # FINGERPRINT-FILE DIR
    local difference
    difference=$(diff "$1" <(fingerprint "$2")) || fail "$2 is not what it was" "$difference"
}

# What a reader of a failed scenario asks for first.
report() {
    trap - ERR
    set +e
    echo '--- systemctl list-units --failed'
    systemctl list-units --failed --no-pager --no-legend
    echo '--- systemctl list-jobs'
    systemctl list-jobs --no-pager --no-legend
    echo '--- journal'
    journalctl --sync
    journalctl --boot --no-pager --output=short-monotonic | grep -E 'preseed-|dataset-|sonarr'
    if command -v zfs >/dev/null; then
        echo '--- zfs list'
        zfs list -t all -o name,used,mountpoint,mounted,canmount,preseed:state
    fi
    echo '--- findmnt'
    findmnt --real
}
