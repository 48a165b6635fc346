# The repository cannot be asked, and `on-unavailable = "start-empty"` is declared. The service starts empty, without
# a mark, so that nothing claims that this is its data.
# also: vm

declare_default_host
repository_init
rm -r "$REPOSITORY"
declare_sonarr 'on-unavailable = "start-empty"'

#: reboot
assert_active sonarr.service
assert_no_series
assert_journal preseed-sonarr.service 'starts empty, as on-unavailable declares'
assert_lacks "$(getfattr --dump --match=trusted.preseed /var/lib/sonarr 2>&1)" seeded
