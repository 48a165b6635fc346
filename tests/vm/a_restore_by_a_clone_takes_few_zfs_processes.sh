# A restore by a clone, without checks and without anything that an admin set, takes so many `zfs` processes and no more:
# each takes its time, and each is a moment at which the power may go. A kind of setting that is there takes one more, a
# check three.

declare_default_host
repository_init
declare_sonarr 'verify = []'
reload
systemctl start sonarr
systemctl stop sonarr

# calls FILE: the verbs of the `zfs` processes of a restore by a clone. The data is lost first. A list that is older than ten
# seconds is read again, which is so only on a slow machine and does not count.
calls() {
    lose_data /var/lib/sonarr
    zfs snapshot "tank/services/sonarr@empty-$1"
    strace --follow-forks --quiet=all --signal=none --trace=execve --string-limit=300 --output="/var/tmp/$1" \
        bash -c '/usr/lib/preseed/dataset-helper apply sonarr && /usr/lib/preseed/preseed-helper run sonarr'
    sed -nE 's/.*execve\("[^"]*\/zfs", \["zfs", "([a-z]+)".* = 0$/\1/p' "/var/tmp/$1" |
        awk '$0 != "list" || !listed++'
}

zfs snapshot tank/services/sonarr@good
plain=$(calls plain)
assert_mark tank/services/sonarr clone
# The looks of both helpers, the snapshots, and what an admin set.
expected='get get list get'
# The copy; that nothing has changed; the quotas of both, and the rights; its seal.
expected+=' clone get userspace projectspace userspace projectspace allow program'
# The swap: what is replaced goes; what replaces it comes, is promoted with its last properties, and is remembered in the
# pool, all in the last one.
expected+=' set rename rename set program'
assert_eq "$expected" "$(tr '\n' ' ' <<<"$plain" | sed 's/ $//')" 'the calls of a restore by a clone'

# more NUMBER FILE WHAT: the last restore took that many more than a plain one.
more() {
    local calls
    zfs snapshot "tank/services/sonarr@good-$2"
    eval "$3"
    calls=$(calls "$2")
    assert_eq "$(($(wc -l <<<"$plain") + $1))" "$(wc -l <<<"$calls")" "the calls of a restore with $2: $(tr '\n' ' ' <<<"$calls")"
}
more 1 a-property 'zfs set com.example:of=admin tank/services/sonarr'
assert_properties tank/services/sonarr com.example:of=admin
zfs inherit com.example:of tank/services/sonarr
more 2 a-quota-and-a-right 'zfs set userquota@1000=1G tank/services/sonarr; zfs allow -u nobody snapshot tank/services/sonarr'
assert_properties tank/services/sonarr userquota@1000=1073741824
zfs set userquota@1000=none tank/services/sonarr
zfs unallow -u nobody tank/services/sonarr
# A copy of the copy, and both are thrown away at once.
declare_sonarr 'verify = [{ sqlite = "sonarr.db" }]'
reload
more 3 a-check :
