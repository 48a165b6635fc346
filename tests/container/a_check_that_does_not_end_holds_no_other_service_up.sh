# The check of a database takes for ever. Its time is limited, it holds no slot of a restore, and its data is not
# called unsound. Other services are restored meanwhile.

declare_default_host
sed -i 's/^backend = .*/&\nmax-parallel-restores = 1/' /etc/preseed/preseed.toml
repository_init
service() { # NAME LINE...
    cat >"/etc/systemd/system/$1.service" <<-'EOT'
	[Service]
	Type=oneshot
	RemainAfterExit=yes
	ExecStart=/bin/true
	EOT
    declare_service "$1" <<-EOT
	[dataset]
	mountpoint = "/srv/$1"
	[preseed]
	expect = ["a.db"]
	$(printf '%s\n' "${@:2}")
	[backup]
	repository = "local"
	tags = ["$1"]
	EOT
}
service slow 'verify = [{ sqlite = "a.db" }]'
service good
reload
systemctl start slow good
sqlite3 /srv/slow/a.db 'PRAGMA ignore_check_constraints=ON;
    CREATE TABLE t (x, CHECK (length(hex(randomblob(30000000 + x))) > 0));
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 100000) INSERT INTO t SELECT i FROM n;'
echo data >/srv/good/a.db
backup /srv/slow slow
backup /srv/good good
systemctl stop slow good
lose_data /srv/slow
lose_data /srv/good

systemctl start --no-block slow
check_runs() { pgrep -f '^/proc/self/exe check-sqlite'; }
eventually check_runs
# As a user of no rights, with no descriptor of the lock, a slot or anything else.
check=$(check_runs)
assert_matches "$(ps -o uid= -p "$check")" '^ *18790[0-9]+$' 'whom the check runs as'
for held in lock slots checks; do
    assert_lacks "$(ls -l "/proc/$check/fd")" "/run/preseed/$held" 'the descriptors of the check'
done
systemctl start good
assert_eq data "$(cat /srv/good/a.db)"
kill -0 "$check"
# An admin ends it, and no check is left.
systemctl stop preseed-slow
assert_exit 1 check_runs

service slow 'verify = [{ sqlite = "a.db" }]' 'stall-timeout = "2s"'
assert_exit 1 systemctl start slow
assert_status preseed-slow.service 'Status: .*restored data could not be verified: its check was ended after 2 s'
assert_exit 1 check_runs
assert_eq '' "$(ls -A /srv/slow)" 'nothing was restored'
