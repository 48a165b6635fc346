# An admin undoes a restore of an earlier state.
zfs snapshot tank/services/sonarr@good
assert_exit 0 preseedctl restore sonarr --snapshot older --yes
assert_absent /var/lib/sonarr/large
