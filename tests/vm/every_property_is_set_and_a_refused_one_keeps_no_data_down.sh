# Whatever ZFS knows is declared and set when the dataset is made, in one call; reservations, shares and `readonly` once it
# has its data. Of a dataset that is there, only the service's own file changes something. What ZFS refuses, as a quota
# below what is used, is told, and the service starts. What somebody changed by hand since it was set is told and stays.

declare_default_host
declared() { # LINE...: of [dataset]
    declare_service app <<-EOT
	template = "app"
	[dataset]
	$(printf '%s\n' "$@")
	EOT
    reload
}
mkdir -p /etc/preseed/catalog
cat >/etc/preseed/catalog/app.toml <<'EOT'
[dataset]
recordsize = "16K"
snapdir = "visible"
refquota = "200M"
properties = { sync = "always", copies = 2 }
[preseed]
tiers = ["snapshot"]
EOT
cat >/etc/systemd/system/app.service <<'EOT'
[Service]
Type=oneshot
ExecStart=/bin/true
EOT
DATASET=tank/services/app
start_app() { # also if it was started many times in a few seconds
    systemctl reset-failed
    systemctl start app
}

declared 'refquota = "300M"' 'atime = "off"' 'casesensitivity = "insensitive"' 'normalization = "formD"' \
    'utf8only = "on"' 'refreservation = "10M"' 'dnodesize = "auto"' \
    'properties = { logbias = "throughput", readonly = "off", "com.sun:auto-snapshot" = "on sundays, 100 %", sync = "standard" }'
strace --follow-forks --quiet=all --signal=none --trace=execve --string-limit=2000 --output=/var/tmp/trace \
    /usr/lib/preseed/dataset-helper apply app
created=$(grep ' = 0$' /var/tmp/trace | grep -c '"create", "-u"')
assert_eq 1 "$created" 'calls that make it'
assert_lacks "$(cat /var/tmp/trace)" '"set"'
assert_properties "$DATASET" refreservation=0
start_app
assert_properties "$DATASET" recordsize=16384 snapdir=visible refquota=314572800 sync=standard copies=2 atime=off \
    casesensitivity=insensitive normalization=formD utf8only=on dnodesize=auto logbias=throughput acltype=posix \
    'com.sun:auto-snapshot=on sundays, 100 %' refreservation=10485760
before=$(zfs get -H -p -s local -o property,value all "$DATASET" | grep -v preseed:state)
since=$(date +%s)
start_app
assert_eq "$before" "$(zfs get -H -p -s local -o property,value all "$DATASET" | grep -v preseed:state)"
assert_eq '' "$(journalctl --since="@$since" -t dataset-helper -p warning -o cat)" 'told although all is so'

# Of one that is there: the own file's lines, and no others.
sed -i 's/copies = 2/copies = 3/; s/visible/hidden/' /etc/preseed/catalog/app.toml
declared 'refquota = "250M"' 'properties = { logbias = "latency" }' 'refreservation = "20M"'
start_app
assert_properties "$DATASET" refquota=262144000 logbias=latency refreservation=20971520 copies=2 snapdir=visible atime=off
assert_journal dataset-app '^app: logbias=latency .was throughput.$'

# By hand since.
zfs set logbias=throughput atime=on "$DATASET"
start_app
assert_properties "$DATASET" logbias=throughput
assert_journal dataset-app 'logbias is throughput, and latency is declared: somebody changed it since it was set: `preseedctl apply app`'
declared 'refquota = "250M"' 'properties = { logbias = "latency", sync = "disabled" }'
start_app
assert_properties "$DATASET" logbias=throughput sync=disabled

# Below what is used; chosen only when it was made.
head -c 20M /dev/urandom >/srv/app/file
zpool sync
declared 'refquota = "5M"' 'casesensitivity = "sensitive"' 'properties = { logbias = "throughput" }'
start_app
assert_eq 0 "$(systemctl show -P ExecMainStatus app)"
assert_properties "$DATASET" refquota=262144000 casesensitivity=insensitive
assert_journal dataset-app 'refquota stays 262144000, it cannot be 5M: .*size is less than current used'
assert_journal dataset-app 'casesensitivity is insensitive, and sensitive is declared: it can be chosen only when'
# What replaces it has what it had, and room for its data.
zfs snapshot "$DATASET@good"
rm /srv/app/file
zfs snapshot "$DATASET@empty"
start_app
assert_journal preseed-app 'restored by snapshot'
assert_properties "$DATASET" refquota=262144000 casesensitivity=insensitive logbias=throughput refreservation=0 sync=disabled

# A reservation that there is room for only once what takes the dataset's place has all of its data.
free=$(zfs get -Hp -o value available tank)
declared "reservation = \"$((free + 5000000))\""
start_app
assert_properties "$DATASET" reservation=$((free + 5000000))
zfs set reservation=none "$DATASET"
rm /srv/app/file
zfs snapshot "$DATASET@empty-again"
start_app
assert_journal preseed-app 'restored by snapshot'
assert_properties "$DATASET" reservation=$((free + 5000000)) origin=-
zfs set reservation=none "$DATASET"

# One that there is no room for is told when the data is there, and at each start until there is.
cat >/etc/preseed/catalog/large.toml <<'EOT'
[dataset]
properties = { readonly = "on" }
refreservation = "900T"
[preseed]
tiers = ["snapshot"]
EOT
declare_service large <<'EOT'
template = "large"
[preseed]
unit = "large.service"
EOT
reload
/usr/lib/preseed/dataset-helper apply large
for helper in 'preseed-helper run' 'dataset-helper apply' 'dataset-helper apply'; do
    # shellcheck disable=SC2086
    /usr/lib/preseed/$helper large 2>/run/told
    assert_matches "$(cat /run/told)" 'refreservation stays 0, it cannot be 900T: .*size is greater than available space'
    assert_properties tank/services/large refreservation=0 readonly=on
done
sed -i 's/900T/1M/' /etc/preseed/catalog/large.toml
reload
/usr/lib/preseed/dataset-helper apply large 2>/run/told
assert_properties tank/services/large refreservation=1048576
# Now it has all that a new one gets: what a template says later changes nothing.
sed -i 's/1M/2M/' /etc/preseed/catalog/large.toml
reload
/usr/lib/preseed/dataset-helper apply large
assert_properties tank/services/large refreservation=1048576

# What would keep data from being written is set once it is there.
declare_service fixed <<'EOT'
[dataset]
properties = { readonly = "on" }
[preseed]
unit = "app.timer"
tiers = ["snapshot"]
EOT
reload
/usr/lib/preseed/dataset-helper apply fixed
assert_properties tank/services/fixed readonly=off
/usr/lib/preseed/preseed-helper run fixed
assert_properties tank/services/fixed readonly=on
/usr/lib/preseed/dataset-helper apply fixed
/usr/lib/preseed/preseed-helper run fixed
assert_eq '' "$(preseedctl diff fixed | grep -v 'all is as declared')"
