# The data is there: the dataset helper and the preseed helper together run at most two `zfs` processes, and
# no other program, however many snapshots there are.

declare_default_host
declare_vault
repository_init
declare_sonarr
reload
systemctl start sonarr
for number in 1 2 3 4 5; do
    zfs snapshot "tank/services/sonarr@$number"
done
strace --follow-forks --quiet=all --signal=none --trace=execve --output=/var/tmp/trace \
    bash -c '/usr/lib/preseed/dataset-helper apply sonarr && /usr/lib/preseed/preseed-helper run sonarr'
started=$(grep ' = 0$' /var/tmp/trace | sed -E 's/.*execve\("([^"]*)".*/\1/' | grep -v -e /bash -e /usr/lib/preseed/)
[[ $(wc -l <<<"$started") -le 2 ]] || fail 'at most two processes' "$started"
assert_lacks "$started" restic
assert_matches "$started" '/zfs$'
