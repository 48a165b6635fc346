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

# stubs NAME...: declares these services in two lines each, with stubs for their units, enabled. Their units and
# directories are in $units and $directories.
stubs() {
    local check user
    declare_of_catalog "$@"
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
