# `preseedctl status` tells how it is with each service on a line of 80 columns, the worst first, and below that what to do.
# Its exit status is that of a check. What is not known is never told as well: repositories are asked only with --ask.

declare_default_host
repository_init
declare_sonarr
promise() { # LINE...
    mkdir -p /etc/preseed/services/sonarr.toml.d
    printf '%s\n' '[backup]' 'schedule = "daily"' '[promise]' "$@" >/etc/preseed/services/sonarr.toml.d/promise.toml
}
promise 'recovery-point = "24h"'
declare_service other <<<$'[dataset]\nmountpoint = "/srv/other"\n[backup]\nrepository = "local"'
reload
status() { # EXIT [ARGUMENT...]
    local exit=$1
    shift
    assert_exit "$exit" preseedctl status "$@"
    assert_eq '' "$(sed '/^$/q' <<<"$output" | awk 'length > 80')" 'rows of more than 80 columns'
}

status 0
assert_matches "$output" '^sonarr +not started +none yet +- +- +\?$'
systemctl start sonarr
add_series 'The Expanse'
# It has data, and nobody knows whether there is a copy of it.
status 1
assert_matches "$output" '^sonarr +unproven +[0-9]+s first start +- +- +\?$'
assert_contains "$output" 'sonarr: no copy of it is known here: `preseedctl status sonarr --ask` asks repository local'
status 1 --ask
assert_matches "$output" '^sonarr +unprotected +[0-9]+s first start +- +- +none$'
assert_contains "$output" '`systemctl start backup-sonarr` makes a backup'

head -c 3000000 /dev/urandom >/var/lib/sonarr/large
systemctl start backup-sonarr
status 0
assert_matches "$output" '^sonarr +ok +[0-9]+s first start +- +- +[0-9]+s$'
assert_contains "$output" '2 services: 1 not started, 1 ok'
assert_exit 0 preseedctl status sonarr
assert_matches "$output" '^  promise   at most 1d of work is lost: kept: the newest good copy is [0-9]+s old$'
promise 'recovery-point = "1s"' 'recovery-time = "1min"'
sleep 1.1
status 1
assert_matches "$output" '^sonarr +promise broken '
assert_exit 1 preseedctl status sonarr
assert_contains "$output" 'how long that takes was never measured: `preseedctl drill sonarr` does'
promise 'recovery-point = "24h"'

# The worst first.
systemctl stop sonarr
lose_data /var/lib/sonarr
status 2
assert_matches "$(sed -n 2p <<<"$output")" '^sonarr +down +gone +- +- +[0-9]+s$'
assert_contains "$output" 'sonarr: its data is gone: `systemctl restart sonarr.service` restores it'
assert_exit 2 preseedctl status sonarr
assert_matches "$output" '^  recovery  restic would bring back [0-9a-f]{8}, of [0-9]+s ago;'
mv "$REPOSITORY" "$REPOSITORY.away"
assert_exit 1 systemctl start sonarr
status 2
assert_contains "$output" 'sonarr: not started: there is no data; repository local: there is no repository at its address'
assert_contains "$output" '(`systemctl status preseed-sonarr.service`)'
# What looks after its repository is asked for as well.
assert_exit 1 systemctl start maintain-repository-local
assert_exit 2 preseedctl status sonarr
assert_contains "$output" 'maintain-repository-local.service failed'
systemctl reset-failed maintain-repository-local
mv "$REPOSITORY.away" "$REPOSITORY"

# As it comes back.
hold_up_the_restore
exec {pipe}<>"$PART"
systemctl start --no-block sonarr
is_restoring() { [[ $(preseedctl status || true) =~ (^|$'\n')'sonarr '\ *restoring ]]; }
eventually is_restoring
status 2
mv "$REPOSITORY/part" "$PART"
exec {pipe}>&-
eventually systemctl --quiet is-active sonarr
status 0
assert_matches "$output" '^sonarr +ok +[0-9]+s restic +- +- +[0-9]+s$'
assert_exit 0 preseedctl status --json sonarr
assert_eq "ok there restic local True" "$(python3 -c '
import json, sys
told = json.load(sys.stdin)["services"][0]
part = told["parts"][0]
print(told["state"], part["data"], part["came_by"], part["copies"][0]["source"], part["copies"][0]["noted"])
' <<<"$output")"

# A declaration that cannot be used, a name that nobody declares, and somebody who is not root.
declare_service other <<<'not toml'
status 2
assert_matches "$output" '^other: /etc/preseed/services/other.toml:1:'
assert_exit 0 preseedctl status sonarr
assert_exit 2 preseedctl status sonarr nosuch
assert_contains "$output" 'nosuch: no service of this name is declared'
assert_exit 1 setpriv --reuid=nobody --regid=nogroup --clear-groups preseedctl status
assert_contains "$output" 'preseedctl status'
