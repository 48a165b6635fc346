# A service's user nests directories far deeper than any path may be long, and then loses the data. The restore keeps
# what was there, `preseedctl kept` lists it beside that of others, and both can be released.

declare_default_host
repository_init
declare_sonarr 'on-partial = "restore"'
declare_radarr 8001 <<'EOT'
[preseed]
expect = ["library"]
on-partial = "restore"
EOT
reload
systemctl start sonarr radarr
add_series 'The Expanse'
echo data >/var/lib/radarr/library
backup_sonarr
backup /var/lib/radarr radarr
systemctl stop sonarr radarr
rm /var/lib/sonarr/sonarr.db /var/lib/radarr/library
echo other >/var/lib/radarr/other
runuser -u sonarr -- python3 - <<'EOT'
import os
os.chdir('/var/lib/sonarr')
for _ in range(1500):
    os.mkdir('d' * 200)
    os.chdir('d' * 200)
open('file', 'w').write('deep')
EOT

systemctl start sonarr radarr
assert_series 'The Expanse'
assert_exit 0 preseedctl kept
for name in sonarr radarr; do
    assert_contains "$output" "/var/lib/.$name:preseed-kept-" 'what is kept'
done
assert_contains "$output" '2 kept'

mapfile -t names < <(preseedctl kept --json | grep -o '/var/lib/\.[a-z]*:preseed-kept[^"]*' | sort -u)
assert_exit 0 preseedctl release --yes "${names[@]}"
assert_absent "${names[@]}"

assert_exit 0 preseedctl kept
assert_contains "$output" 'nothing is kept'
