# What waited for a repository that is away is started again by a timer: the service, under whatever name it is declared,
# and what requires it. A person who tries meanwhile makes the timer neither later nor longer, and once one of them
# succeeds, the others are started as well. A reload changes nothing. A note that is broken, a timer that was stopped and
# a declaration that is gone end it.

declare_default_host
repository_init
ln -s /usr/lib/systemd/system/sonarr.service /etc/systemd/system/tv.service
declare_sonarr 'unit = "tv.service"'
for name in web other; do
    printf '[Unit]\n%s\n[Service]\nExecStart=/bin/sleep infinity\n' \
        "$([[ $name != web ]] || printf 'Requires=sonarr.service\nAfter=sonarr.service')" >"/etc/systemd/system/$name.service"
done
# The hours of the clock in seconds.
mkdir -p /etc/systemd/system/preseed-retry-sonarr.timer.d
quickly() {
    printf '[Timer]\nOnActiveSec=\nOnActiveSec=%s\nOnUnitInactiveSec=%s\n' "$1" "$1" \
        >/etc/systemd/system/preseed-retry-sonarr.timer.d/quickly.conf
    reload
}
quickly 600
systemctl start sonarr
add_series 'The Expanse'
backup_sonarr
systemctl stop sonarr

timer=preseed-retry-sonarr.timer
note=/run/preseed/retry/sonarr.note
is_over() {
    [[ $(unit_state "$timer") == inactive && ! -e $note ]]
}
# As after some time: no refusal is held back since it was told before.
is_new() {
    systemctl reset-failed
    rm -rf /run/preseed/refused
}
goes_away() {
    systemctl stop sonarr
    lose_data /var/lib/sonarr
    mv "$REPOSITORY" /var/tmp/away
    is_new
}
comes_back() {
    mv /var/tmp/away "$REPOSITORY"
}
its_turn() {
    is_new
    systemctl start "${timer%.timer}.service"
}

goes_away
assert_exit 1 systemctl start web
assert_active "$timer"
assert_eq '30 waits
disabled web.service' "$(grep -v ' sonarr.service' "$note" | sed 's/static/disabled/')"
assert_contains "$(cat "$note")" ' sonarr.service'

# By hand, and after a reload.
before=$(invocation "$timer")
reload
assert_refused sonarr 'tried again by itself within 30 s'
is_new
assert_refused sonarr 'tried again by itself within 30 s'
assert_eq "$before" "$(invocation "$timer")" 'the timer, which nobody set anew'
comes_back
systemctl reset-failed
systemctl start sonarr
eventually systemctl is-active web.service
eventually is_over
assert_not_active other.service
assert_series 'The Expanse'
systemctl stop web

# By the timer alone.
quickly 1
goes_away
assert_exit 1 systemctl start web
comes_back
eventually systemctl is-active web.service
assert_series 'The Expanse'
eventually is_over
systemctl stop web
quickly 600

# Broken, and gone.
goes_away
for break in 'echo garbage >' 'rm '; do
    assert_refused sonarr 'tried again by itself'
    eval "$break$note"
    its_turn
    eventually is_over
    assert_not_active sonarr.service
done

# Stopped as the status says: the next refusal begins anew, with what waits then.
is_new
assert_exit 1 systemctl start web
systemctl stop "$timer"
is_new
assert_exit 1 systemctl start preseed-sonarr
eventually is_over
assert_refused sonarr 'tried again by itself within 30 s'
assert_lacks "$(cat "$note")" web

# A user whom a directory service does not know yet.
printf '[dataset]\nowner = "netuser"\n' >>/etc/preseed/services/sonarr.toml
reload
comes_back
assert_refused sonarr 'netuser.*tried again by itself'
useradd --system netuser
its_turn
eventually is_over
assert_exists /var/lib/sonarr/sonarr.db
sed -i '/dataset/,$d' /etc/preseed/services/sonarr.toml
reload
goes_away
assert_refused sonarr 'tried again by itself'

# Not declared any more.
mv /etc/preseed/services/sonarr.toml /var/tmp
its_turn
eventually is_over
assert_not_active sonarr.service
