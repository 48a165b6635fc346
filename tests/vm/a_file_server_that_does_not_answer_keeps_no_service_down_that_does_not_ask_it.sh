# The repository is on a file server that does not answer: whoever looks there waits in the kernel. The data is lost, and a
# snapshot of this machine holds it: the repository is not asked, and nobody waits for it.

sonarr_with 'The Expanse'
zfs snapshot "$DATASET@good"
lose_data /var/lib/sonarr
zfs snapshot "$DATASET@empty"
cat >/run/silent.py <<'EOT2'
# A file system in user space (fuse(4)) that answers nothing.
import ctypes, os, sys, time
fuse = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b"silent", sys.argv[1].encode(), b"fuse.silent", 0, options):
    sys.exit(os.strerror(ctypes.get_errno()))
time.sleep(100000)
EOT2
mkdir /mnt/server
sed -i "s|$REPOSITORY|/mnt/server/repository|" /etc/preseed/preseed.toml
reload
systemd-run --quiet --unit=silent python3 /run/silent.py /mnt/server
eventually eval 'grep -q fuse.silent /proc/self/mountinfo'
timeout 300 systemctl start sonarr
assert_series 'The Expanse'
assert_journal preseed-sonarr.service "restored by snapshot from $DATASET@good"
