# A PostgreSQL cluster and a SQLite database are backed up while they are written to. What is restored is sound, and holds
# all that was committed before the backup: no transaction is there in part.

declare_default_host
repository_init
declare_postgresql 'schedule = "daily"'
declare_service notes <<'EOT'
[preseed]
expect = ["notes.db"]
verify = [{ sqlite = "notes.db" }]

[backup]
repository = "local"
tags = ["notes"]
schedule = "daily"
EOT
idle_service notes
reload
systemctl start preseed-postgresql notes
pg_createcluster "$version" main >/dev/null
systemctl start "$unit"
# Each transaction writes a pair: half of one would be seen.
sql 'create table pairs (one integer, two integer)'
sql 'insert into pairs values (0, 0)'
sqlite3 /srv/notes/notes.db 'PRAGMA journal_mode = WAL' 'CREATE TABLE pairs (one, two)' 'INSERT INTO pairs VALUES (0, 0)' >/dev/null
systemd-run --quiet --unit=writes bash -c '
    for number in {1..100000}; do
        echo "begin; insert into pairs values ($number, -1); update pairs set two = $number where one = $number; commit; select pg_sleep(0.01);"
    done | runuser -u postgres -- psql --quiet >/dev/null'
systemd-run --quiet --unit=notes-writes bash -c '
    for number in {1..1000}; do
        for more in {1..10}; do
            id=$((number * 10 + more))
            echo "BEGIN; INSERT INTO pairs VALUES ($id, -1); UPDATE pairs SET two = $id WHERE one = $id; COMMIT;"
        done
        echo '.system sleep 0.1'
    done | sqlite3 /srv/notes/notes.db'
grows() { # BEFORE
    [[ $(sql 'select count(*) from pairs') -gt $1 ]]
}
eventually grows 10
before=$(sql 'select count(*) from pairs')
systemctl start backup-postgresql backup-notes
eventually grows "$before"
systemctl stop writes notes-writes 2>/dev/null || true
assert_journal backup-postgresql.service 'backed up to repository local as .*, from a snapshot: '
systemctl stop "$unit" notes
for name in postgresql notes; do
    umount "$(zfs get -H -o value mountpoint "tank/services/$name")"
    zfs destroy -r "tank/services/$name"
done

systemctl start "$unit" notes
assert_journal preseed-postgresql.service 'restored by restic'
restored=$(sql 'select count(*) from pairs')
[[ $restored -ge $before ]] || fail "$restored pairs of at least $before"
assert_eq 0 "$(sql 'select count(*) from pairs where one <> two')"
assert_eq 0 "$(sqlite3 /srv/notes/notes.db 'SELECT count(*) FROM pairs WHERE one <> two')"
assert_eq ok "$(sqlite3 /srv/notes/notes.db 'PRAGMA integrity_check')"
