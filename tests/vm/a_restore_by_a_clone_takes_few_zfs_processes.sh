# A restore by a clone, without checks and without anything that an admin set, takes so many `zfs` processes and no more:
# each takes its time, and each is a moment at which the power may go. A kind of setting that is there takes one to be
# read and one to be set.

declare_default_host
repository_init
declare_sonarr 'verify = []'
reload
systemctl start sonarr
systemctl stop sonarr

# calls FILE: the verbs of the `zfs` processes of a restore by a clone. The data is lost first.
calls() {
    lose_data /var/lib/sonarr
    zfs snapshot "tank/services/sonarr@empty-$1"
    strace --follow-forks --quiet=all --signal=none --trace=execve --string-limit=300 --output="/var/tmp/$1" \
        bash -c '/usr/lib/preseed/dataset-helper apply sonarr && /usr/lib/preseed/preseed-helper run sonarr'
    sed -nE 's/.*execve\("[^"]*\/zfs", \["zfs", "([a-z]+)".* = 0$/\1/p' "/var/tmp/$1"
}

zfs snapshot tank/services/sonarr@good
plain=$(calls plain)
assert_mark tank/services/sonarr clone
# The looks of both helpers, the snapshots, and what an admin set.
expected='get get list get'
# The copy; that nothing has changed; the quotas of both, and the rights; its seal.
expected+=' clone get userspace projectspace userspace projectspace allow program'
# The swap: what is replaced goes; what replaces it comes, and is promoted with its last properties.
expected+=' set rename rename set program'
# That the service has data is remembered in the pool.
expected+=' program'
assert_eq "$expected" "$(tr '\n' ' ' <<<"$plain" | sed 's/ $//')" 'the calls of a restore by a clone'

zfs snapshot tank/services/sonarr@good-again
zfs set com.example:of=admin tank/services/sonarr
with_a_property=$(calls with-a-property)
assert_eq "$(($(wc -l <<<"$plain") + 1))" "$(wc -l <<<"$with_a_property")" 'one more to read it; it is set by the clone'
assert_properties tank/services/sonarr com.example:of=admin
