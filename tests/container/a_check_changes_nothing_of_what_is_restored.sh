# What is swapped in is byte for byte what the source held, whatever SQLite would do to it: with a journal that names
# a file of root's as its super-journal, with one that a pipe answers, with an honest transaction over two databases.
# A check never touches another file of the machine.
# also: vm

declare_default_host
repository_init
printf 'u app -\n' | systemd-sysusers -
idle_service app
declare_service app <<'EOT'
[dataset]
mountpoint = "/srv/app"
owner = "app"
group = "app"
mode = "0700"
[preseed]
expect = ["a.db"]
verify = [{ sqlite = "a.db" }]
stall-timeout = "60s"
[backup]
repository = "local"
tags = ["app"]
EOT
reload
systemctl start app
systemctl stop app
cat >/run/make.py <<'EOT'
import os, sqlite3, shutil, struct, sys
d, t, name, hot = '/srv/app/', '/var/tmp/make/', sys.argv[1].encode(), sys.argv[2] == 'hot'
shutil.rmtree(t, ignore_errors=True); os.makedirs(t)
c = sqlite3.connect(t + 'a.db', isolation_level=None)
c.execute('pragma journal_mode=delete'); c.execute('create table t (i integer primary key, x)')
c.execute("with recursive n(i) as (select 1 union all select i+1 from n where i < 5000) insert into t select i, 'old, of the balance of this account ' from n")
if hot:
    c.execute('pragma cache_size=3'); c.execute('begin')
    c.execute("update t set x = 'NEW, of the balance of this account ' where i < 4000")
    shutil.copy(t + 'a.db-journal', d)
else:
    open(d + 'a.db-journal', 'wb').write(b'x' * 512)
shutil.copy(t + 'a.db', d)
magic = bytes([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7])
with open(d + 'a.db-journal', 'ab') as j:
    j.write(struct.pack('>I', 0x40000000 // 4096 + 1) + name + struct.pack('>II', len(name), sum(name)) + magic)
EOT
(umask 077 && echo 'of another service, for root only' >/etc/victim)
try() { # WHAT SUPER-JOURNAL hot|cold
    python3 /run/make.py "$2" "$3"
    chown -R app:app /srv/app
    fingerprint /srv/app >/var/tmp/before
    backup /srv/app app
    lose_data /srv/app
    systemctl reset-failed
    systemctl start app
    assert_same_tree /var/tmp/before /srv/app
    assert_eq 'of another service, for root only' "$(cat /etc/victim)" "$1"
    systemctl stop app
    find /srv/app -mindepth 1 -delete
}
try 'a file of root as the super-journal' /etc/victim cold
try 'the same, with something to roll back' /etc/victim hot
mkfifo /srv/app/fifo
try 'a pipe as the super-journal' /srv/app/fifo cold
printf '/srv/app/a.db-journal\0/srv/app/b.db-journal\0' >/srv/app/a.db-mj123456789
try 'a transaction over two databases' /srv/app/a.db-mj123456789 hot
assert_no_journal preseed-app.service 'passed over|could not be verified'
