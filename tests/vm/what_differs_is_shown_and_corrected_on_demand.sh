# `preseedctl diff` holds what is declared against what is, key by key with file, line and column, and says by its exit status
# whether it is the same. `preseedctl apply` corrects what is declared, also what somebody changed by hand, and leaves alone
# what is not. Datasets beside the services' that nothing declares are listed, and never touched.

declare_default_host
mkdir -p /etc/preseed/catalog
cat >/etc/preseed/catalog/app.toml <<'EOT'
[dataset]
recordsize = "16K"
refquota = "1G"
mountpoint = "/var/lib/app"
[preseed]
tiers = ["snapshot"]
EOT
cat >/etc/systemd/system/app.service <<'EOT'
[Service]
Type=oneshot
ExecStart=/bin/true
EOT
declare_service app <<'EOT'
template = "app"
[dataset]
atime = "off"
mode = "0700"
[dataset.properties]
logbias = "throughput"
EOT
DATASET=tank/services/app
FILE=/etc/preseed/services/app.toml
reload
assert_exit 1 preseedctl diff
assert_contains "$output" 'app: tank/services/app is not there'
systemctl start app
assert_exit 0 preseedctl diff
assert_contains "$output" 'all is as declared'

# By hand: told with its place, and as JSON; corrected on demand, and nothing else.
# ZFS 2.1 mounts anew for atime only where it is set alone.
zfs set atime=on "$DATASET"
zfs set logbias=latency recordsize=1M refquota=2G sync=always "$DATASET"
chmod 0755 /var/lib/app
assert_exit 1 preseedctl diff app
assert_contains "$output" "app: atime is on, declared is off ($FILE:3:9)"
assert_contains "$output" "app: logbias is latency, declared is throughput ($FILE:6:11)"
assert_contains "$output" 'somebody changed it since it was set: `preseedctl apply app` sets it again'
assert_contains "$output" 'app: recordsize is 1048576, declared is 16384 (its template, /etc/preseed/catalog/app.toml:2:14)'
assert_contains "$output" 'app: refquota is 2147483648, declared is 1G (its template'
assert_contains "$output" 'it stays so: to have it changed, write it in the service'
assert_contains "$output" "app: mode is 0755, declared is 0700 ($FILE:4:8)"
assert_lacks "$output" sync
preseedctl diff --json app >/var/tmp/json || true
python3 - <<'EOT'
import json
told = json.load(open('/var/tmp/json'))
[app] = told['compared']
assert not told['same'] and not app['same'] and app['is_there'], told
keys = {key['key']: key for key in app['keys']}
assert keys['atime']['state'] == 'changed-by-hand', keys
assert keys['atime']['from'] == {'layer': "the service's own file", 'file': '/etc/preseed/services/app.toml', 'line': 3, 'column': 9}, keys
assert keys['mountpoint']['state'] == 'same' and keys['refquota']['state'] == 'only-by-own-file', keys
EOT
assert_exit 0 preseedctl apply app
assert_contains "$output" 'atime=off (was on)'
assert_properties "$DATASET" atime=off logbias=throughput recordsize=16384 refquota=2147483648 sync=always
assert_eq 700 "$(stat -c %a /var/lib/app)"
assert_exit 1 preseedctl diff app
assert_eq 1 "$(wc -l <<<"$output")" "$output"

# What ZFS refuses is told by the exit status, and so is what cannot be told.
head -c 20M /dev/urandom >/var/lib/app/file
zpool sync
sed -i 's/^atime.*/refquota = "5M"/' "$FILE"
assert_exit 1 preseedctl apply app
assert_contains "$output" 'refquota stays 2147483648, it cannot be 5M'
sed -i 's/^refquota.*/atime = "on"/' "$FILE"
assert_exit 2 preseedctl diff ap
echo 'nonsense' >/etc/preseed/services/broken.toml
assert_exit 2 preseedctl diff
rm /etc/preseed/services/broken.toml

# Nothing declares it; what preseed keeps beside it is none.
zfs create tank/services/old
echo data >/tank/services/old/file 2>/dev/null || true
zfs snapshot "$DATASET@good"
rm /var/lib/app/file
zfs snapshot "$DATASET@empty"
systemctl start app
[[ $(kept_datasets) ]] || fail 'nothing is kept'
before=$(zfs list -H -o name -r tank)
assert_exit 1 preseedctl diff
assert_matches "$output" '^tank/services/old: nothing declares it, '
assert_eq 1 "$(grep -c 'nothing declares it' <<<"$output")" "$output"
assert_exit 0 preseedctl check
assert_matches "$output" 'tank/services/old: nothing declares it'
assert_eq "$before" "$(zfs list -H -o name -r tank)"

# A value that looks like a line of the listing is taken for none.
zfs set "a:b=x
tank/services/app	guid	-	666" tank/services/old
declare_service app <<'EOT'
template = "app"
[dataset]
properties = { "a:b" = "y" }
EOT
assert_exit 1 preseedctl diff app
assert_contains "$output" 'app: a:b is -, declared is y'

# Of a place, what is told to do it works.
declare_service app <<'EOT'
template = "app"
[place.covers]
mountpoint = "covers"
EOT
reload
assert_exit 1 preseedctl diff
assert_contains "$output" 'app.covers: tank/services/app.covers is not there: `systemctl start dataset-app`'
systemctl start dataset-app
zfs set recordsize=1M tank/services/app.covers
declare_service app <<'EOT'
template = "app"
[place.covers]
mountpoint = "covers"
recordsize = "64K"
EOT
reload
assert_exit 1 preseedctl diff
assert_contains "$output" '`preseedctl apply app` sets it'
assert_exit 0 preseedctl apply app
assert_properties tank/services/app.covers recordsize=65536
