# The data is lost and the repository cannot be asked: the service is not started on an empty
# directory, and says why. Other services run. Once the cure is applied, `systemctl start` works.
# also: vm

lose_sonarr_beside_radarr
# As a network file system that is not mounted.
mv "$REPOSITORY" /var/lib/restic-repo.away

#: reboot
# It is tried again after half a minute.
eventually systemctl is-failed preseed-sonarr.service
systemctl stop '*.timer' 'preseed-retry-*.service'
is_refused() {
    systemctl is-failed preseed-sonarr.service && [[ -z $(systemctl list-jobs --no-legend 'sonarr.service') ]]
}
eventually is_refused
assert_not_active sonarr.service
assert_failed preseed-sonarr.service
assert_active radarr.service multi-user.target
assert_status preseed-sonarr.service 'Status: .*repository local: there is no repository at its address'
assert_status preseed-sonarr.service 'Status: .*: see that it is mounted or reachable'
[[ ! -d /var/lib/sonarr ]] || assert_eq '' "$(ls -A /var/lib/sonarr)"
assert_exit 1 preseedctl plan sonarr
assert_contains "$output" 'unavailable'

mv /var/lib/restic-repo.away "$REPOSITORY"
systemctl start sonarr
assert_series 'The Expanse'
