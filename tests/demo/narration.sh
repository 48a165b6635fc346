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
