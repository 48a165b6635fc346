# A repository whose disk is not there yet keeps the service down for now. Once it is there, a timer starts the
# service: exactly what waited, later each time, without holding up anything. What was masked since is left alone, and
# what needs a person is not tried again.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
backup_sonarr
lose_data /var/lib/sonarr
mv "$REPOSITORY" /var/tmp/away

timer=preseed-retry-sonarr.timer
# The time between the timer being set and its next turn, in whole seconds.
assert_delay() { # SECONDS
    assert_active "$timer"
    assert_matches "$(systemctl show --property=TimersMonotonic --value "$timer")" "OnActiveUSec=$1 ;"
}
timer_is_gone() {
    [[ $(unit_state "$timer") == inactive && ! -e /run/preseed/retry/sonarr.note ]]
}
refused() {
    eventually systemctl is-failed preseed-sonarr.service
    until [[ $(unit_state preseed-sonarr) == failed && $(unit_state sonarr) == inactive ]]; do sleep 0.05; done
}
# its_turn: what the timer does once its time is there.
its_turn() {
    systemctl reset-failed preseed-sonarr.service
    systemctl start "${timer%.timer}.service"
}

# By hand nobody waits for it.
assert_exit 1 systemctl start preseed-sonarr
eventually timer_is_gone

assert_refused sonarr 'there is no repository at its address.*tried again by itself within 30 s, until .systemctl stop preseed-retry-sonarr.timer'
assert_delay 30s
its_turn
refused
assert_delay 1min
assert_status preseed-sonarr.service 'tried again by itself within 1 min'

# Masked, it is not started, and that is the end of it.
systemctl mask --quiet --runtime sonarr
systemctl start "${timer%.timer}.service"
eventually timer_is_gone
systemctl unmask --quiet --runtime sonarr

assert_refused sonarr 'tried again by itself within 30 s'
mv /var/tmp/away "$REPOSITORY"
its_turn
eventually systemctl is-active sonarr.service
assert_series 'The Expanse'
eventually timer_is_gone

# A wrong password needs a person.
systemctl stop sonarr
lose_data /var/lib/sonarr
mv "$REPOSITORY" /var/tmp/away
assert_refused sonarr 'tried again by itself'
mv /var/tmp/away "$REPOSITORY"
echo wrong >"$PASSWORD_FILE"
assert_refused sonarr 'the password is wrong: .*: correct /etc/preseed/secrets/local$'
eventually timer_is_gone
