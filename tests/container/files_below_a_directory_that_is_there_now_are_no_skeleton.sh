# A package has made the directories that a service keeps its data in, and `expect` names a file that no snapshot has.
# The snapshot has the same directories, with files below them, which may be the data: the service does not start
# empty. A snapshot of the same directories without files holds nothing.
# also: vm

declare_default_host
repository_init
declare_sonarr 'expect = ["app.db"]' 'tiers = ["restic"]'
reload
systemctl start dataset-sonarr
install -d -o sonarr /var/lib/sonarr/{config,data}
backup_sonarr
echo data >/var/lib/sonarr/data/app4.db
backup_sonarr
rm /var/lib/sonarr/data/app4.db

assert_exit 1 preseedctl plan sonarr
assert_contains "$output" 'it lacks app.db, and holds config, data: it may hold the data all the same'
assert_refused sonarr 'it lacks app.db, and holds config, data: it may hold the data all the same: correct .expect.'
assert_eq "config data" "$(ls /var/lib/sonarr | xargs)" 'nothing was started or restored'

in_repository forget --quiet latest
systemctl start sonarr
assert_journal preseed-sonarr.service 'passed over .*: it holds nothing but the empty directories that are there now'
assert_journal preseed-sonarr.service 'no source has any: a first start'
