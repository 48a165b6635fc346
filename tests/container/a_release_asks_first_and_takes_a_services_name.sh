# `preseedctl release` shows what a restore replaced before it removes it for good, and removes it only if somebody
# agrees: at the terminal, or with --yes. A service's name stands for all that is kept of it. Shells complete both.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
declare_sonarr 'on-partial = "restore"'
reload
backup_sonarr
replace() { # ENTRY
    rm /var/lib/sonarr/sonarr.db
    touch "/var/lib/sonarr/$1"
    /usr/lib/preseed/preseed-helper run sonarr 2>/dev/null
    kept=$(dirname /var/lib/.sonarr:preseed-kept-*/"$1")
}
answers() { # ANSWER: of somebody at a terminal, who is asked to release what is kept of sonarr
    script --quiet --return --command 'preseedctl release sonarr' /dev/null <<<"$1"
}

assert_exit 1 preseedctl release sonarr
assert_contains "$output" 'sonarr: nothing that a restore replaced is kept of this service'
replace first
first=$kept
replace second

# A name with a colon, which bash takes for the end of a word.
complete_line() { # LINE
    COMP_LINE=$1 COMP_POINT=${#1}
    read -ra COMP_WORDS <<<"${1//:/ : }"
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _preseedctl_names
}
# shellcheck disable=SC1091
source /usr/share/bash-completion/completions/preseedctl
complete_line 'preseedctl release so'
assert_eq sonarr "${COMPREPLY[*]}"
complete_line "preseedctl release ${kept%:*}:preseed-kept"
assert_eq "${kept##*:}" "$(printf '%s\n' "${COMPREPLY[@]}" | grep -F "${kept##*:}")"
complete_line 'preseedctl plan so'
assert_eq sonarr "${COMPREPLY[*]}"

for name in sonarr "$first"; do
    assert_exit 1 preseedctl release "$name" </dev/null
    assert_contains "$output" 'nobody is there to be asked: to remove it for good all the same, add --yes'
done
assert_exit 1 answers n
assert_contains "$output" "$first"
assert_contains "$output" 'Remove these 2 for good? [y/N]'
assert_contains "$output" 'nothing was changed'
assert_exists "$first" "$kept"
assert_exit 0 answers y
assert_contains "$output" "released $kept"
assert_absent "$first" "$kept"
replace third
assert_exit 0 preseedctl release --yes sonarr
assert_absent "$kept"
assert_exists /var/lib/sonarr/sonarr.db
