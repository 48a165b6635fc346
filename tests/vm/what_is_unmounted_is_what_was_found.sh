# A directory above the service's place belongs to its user. After it was looked what is mounted there, and before that is
# unmounted for a restore, the user puts a link in the directory's place. Where it leads, a neighbour's data is mounted: that
# stays, and stays writable.

declare_default_host
printf 'u app -\n' | systemd-sysusers -
idle_service app
declare_service app <<'EOT2'
[dataset]
mountpoint = "/srv/home/up/data"
owner = "app"
group = "app"
[preseed]
expect = ["a.db"]
EOT2
idle_service neighbour
declare_service neighbour <<'EOT2'
[dataset]
mountpoint = "/srv/neighbour/data"
owner = "root"
EOT2
install -d -o app -g app /srv/home /srv/home/up
reload
systemctl start app neighbour
systemctl stop app
D=tank/services/app
echo data >/srv/home/up/data/a.db
zfs snapshot "$D@good"
rm /srv/home/up/data/a.db
zfs snapshot "$D@empty"

zfs=$(command -v zfs)
cat >/usr/local/sbin/zfs <<EOT2
#!/bin/bash
$zfs "\$@"
status=\$?
# The last call before it is unmounted.
[[ "\$*" != "set canmount=noauto preseed:kept="* || ! -e /run/attack ]] || mv /run/attack /run/attack-now
exit \$status
EOT2
chmod +x /usr/local/sbin/zfs
# Each umount2(2) of the helper's first thread, which sees what the machine sees, waits for a second before it goes down its
# path. Once it does, the directory and the link change places in one step.
cat >/var/tmp/attack.py <<'EOT2'
import ctypes, os, time
HERE, EXCHANGE = -100, 2
UMOUNT2 = '166 '
def read(process, file):
    try:
        return open(f'/proc/{process}/{file}').read()
    except OSError:
        return ''
def is_helper(process):
    # strace(1) traces the helper alone: its children may be in namespaces of their own.
    return read(process, 'comm') == 'preseed-helper\n' and 'TracerPid:\t0\n' not in read(process, 'status')
def waits():
    processes = filter(str.isdigit, os.listdir('/proc'))
    return any(is_helper(one) and read(one, 'syscall').startswith(UMOUNT2) for one in processes)
while not os.path.exists('/run/attack-now') or not waits():
    time.sleep(0.01)
libc = ctypes.CDLL(None, use_errno=True)
if libc.renameat2(HERE, b'/srv/home/link', HERE, b'/srv/home/up', EXCHANGE):
    raise OSError(ctypes.get_errno(), 'renameat2')
EOT2
attacked() {
    ln -s /srv/neighbour /srv/home/link
    chown -h app: /srv/home/link
    touch /run/attack
    timeout 300 python3 /var/tmp/attack.py &
    local attack=$!
    strace --quiet=all --signal=none --trace=umount2 --inject=umount2:delay_enter=1s --output=/run/trace \
        /usr/lib/preseed/preseed-helper run app || true
    assert_exists /run/attack-now
    wait "$attack"
    assert_matches "$(cat /run/trace)" 'umount2\("/proc/self/fd/[0-9]+/data", '
    mountpoint -q /srv/neighbour/data || fail "the neighbour's data is unmounted"
    touch /srv/neighbour/data/new
    rm /srv/home/up /run/attack-now
    mv /srv/home/link /srv/home/up
}
attacked
systemctl start app
assert_eq data "$(cat /srv/home/up/data/a.db)"
systemctl stop app

# In use, it would be made read-only and detached.
rm /srv/home/up/data/a.db
zfs snapshot "$D@empty-again"
(cd /srv/neighbour/data && exec sleep infinity) &
(cd /srv/home/up/data && exec sleep infinity) &
eventually stands_in $! /srv/home/up/data
attacked
