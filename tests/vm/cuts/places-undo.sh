# shellcheck shell=bash disable=SC2154
# An admin undoes a restore of an earlier state of all places.
assert_exit 0 preseedctl restore sonarr --snapshot older --yes
assert_absent /var/lib/sonarr/large
assert_eq 'port = 0' "$(cat /etc/sonarr/app.conf)"
