# shellcheck shell=bash
# Services of the catalog, with stubs in the place of their software. Scenarios source this.

# of_catalog PATTERN: the names of the catalog that match.
of_catalog() {
    local name
    preseedctl names catalog | while read -r name; do
        # shellcheck disable=SC2053 # a pattern
        [[ $name != $1 ]] || echo "$name"
    done
}

# stubs NAME...: for the units of these services, which are declared, enabled. Their units and directories are in $units
# and $directories.
stubs() {
    local check user
    eval "$(python3 /usr/lib/preseed-tests/stubs.py "$@")"
    for user in "${users[@]}"; do
        # systemd starts nothing as a number that nobody has.
        case $user in
            *[!0-9]*) id "$user" &>/dev/null || echo "u $user -" ;;
            *) id "$user" &>/dev/null || echo "u of-$user $user" ;;
        esac
    done | systemd-sysusers - 2>/dev/null
    # The software's own checks are not here, or know a stub's file from a real one.
    for check in /usr/lib/postgresql/{15,17}/bin/pg_controldata; do
        mkdir -p "${check%/*}"
        rm -f "$check"
        ln -s /bin/true "$check"
    done
    reload
}

# lost DIRECTORY...: from now on, no stub makes anything.
lost() {
    local directory
    touch /etc/stubs/lost
    for directory; do
        lose_data "$directory"
    done
}

# have_run NAME...: the stubs of these services, from now on declared in two lines each.
have_run() {
    local name
    # Of the first starts, none has to ask the repository.
    for name; do
        declare_service "$name" <<<"template = \"$name\""
    done
    stubs "$@"
    systemctl start "${units[@]}"
    declare_of_catalog "$@"
}

# lose_of_catalog PATTERN: the stubs of all matching services have run, were backed up as declared, and lost their data.
lose_of_catalog() {
    declare_default_host
    repository_init
    mapfile -t names < <(of_catalog "$1")
    have_run "${names[@]}"
    backup_as_declared "${names[@]}"
    printf '%s\n' "${names[@]}" >/root/names
    printf '%s\n' "${units[@]}" >/root/units
    lost "${directories[@]}"
}

# all_are_restored: those that `lose_of_catalog` lost are there after the boot.
all_are_restored() {
    mapfile -t units </root/units
    assert_active "${units[@]}"
    journalctl --sync
    assert_eq "$(sort /root/names)" \
        "$(journalctl --boot --output=cat --output-fields=PRESEED_SERVICE PRESEED_OUTCOME=restored PRESEED_TIER=restic | sort)"
}

# forty_of_the_catalog: of them, each declared in two lines, have run; their data is in a repository and in replicas.
forty_of_the_catalog() {
    local name
    declare_default_host
    declare_vault
    repository_init
    mapfile -t names < <(of_catalog '*' | head -n 40)
    systemctl disable --quiet sonarr
    have_run "${names[@]}"
    reload
    backup_as_declared "${names[@]}"
    for name in "${names[@]}"; do
        zfs snapshot "tank/services/$name@nightly"
        zfs send "tank/services/$name@nightly" | zfs receive -u "vault/services/$name"
    done
    printf '%s\n' "${names[@]}" >/root/names
    printf '%s\n' "${units[@]}" >/root/units
    printf '%s\n' "${directories[@]}" >/root/directories
    lost
}

# destroy_twenty: of the forty, with all their snapshots.
destroy_twenty() {
    local number
    mapfile -t names </root/names
    mapfile -t units </root/units
    mapfile -t directories </root/directories
    systemctl stop "${units[@]}"
    for number in {0..19}; do
        umount "${directories[number]}"
        zfs destroy -r "tank/services/${names[number]}"
    done
}

# twenty_are_restored: exactly those that `destroy_twenty` destroyed, and all forty run after the boot.
twenty_are_restored() {
    mapfile -t units </root/units
    assert_active "${units[@]}"
    journalctl --sync
    assert_eq "$(head -n 20 /root/names)" \
        "$(journalctl --boot --output=cat --output-fields=PRESEED_SERVICE PRESEED_OUTCOME=restored | sort)"
}
