# Fragments change a service's declaration, in the order of their names over all four directories. `preseedctl cat` and
# `preseedctl show` tell where each value comes from. A broken fragment keeps its service down and no other; masked, it
# is gone. One of a service that does not exist is listed, and makes none.

declare_default_host
repository_init
declare_sonarr
another_service radarr 7878
declare_service radarr <<<$'[dataset]\nowner = "radarr"\ngroup = "radarr"\nmountpoint = "/var/lib/radarr"'
# fragment DIRECTORY SERVICE NAME <<EOF
fragment() {
    mkdir -p "$1/services/$2.toml.d"
    cat >"$1/services/$2.toml.d/$3"
}
fragment /usr/lib/preseed sonarr 10-mode.toml <<<$'[dataset]\nmode = "0777"'
fragment /run/preseed sonarr 10-mode.toml <<<$'[dataset]\nmode = "0751"\n[backup]\nexclude-extra = ["*.bak"]'
fragment /etc/preseed sonarr 20-ignore.toml <<<$'[preseed]\nignore-extra = ["logs"]'
mkdir -p /etc/preseed/preseed.toml.d
printf '[storage]\nmax-parallel-restores = 3\n' >/etc/preseed/preseed.toml.d/10-slots.toml
reload
systemctl start sonarr radarr
assert_eq 751 "$(stat -c %a /var/lib/sonarr)"
add_series 'The Expanse'

assert_exit 0 preseedctl cat sonarr
assert_contains "$output" $'\n[preseed]\nignore-extra = ["logs"]'
assert_eq "# /etc/preseed/preseed.toml
# /etc/preseed/preseed.toml.d/10-slots.toml
# /usr/lib/preseed/catalog/sonarr.toml
# /etc/preseed/services/sonarr.toml
# /run/preseed/services/sonarr.toml.d/10-mode.toml
# /etc/preseed/services/sonarr.toml.d/20-ignore.toml" "$(grep '^# /' <<<"$output")"
assert_lacks "$output" 0777
assert_exit 0 preseedctl show sonarr
assert_matches "$output" 'mode = "0751" +# /run/preseed/services/sonarr.toml.d/10-mode.toml:2'
assert_matches "$output" 'ignore = \["logs"\] +# /etc/preseed/services/sonarr.toml.d/20-ignore.toml:2'
assert_matches "$output" 'owner = "sonarr" +# template /usr/lib/preseed/catalog/sonarr.toml:[0-9]+'
assert_matches "$output" 'prefer = "order" +# default'
assert_matches "$output" 'exclude = \[.*"\*.bak"\] +# template /usr.*, /run/preseed/services/sonarr.toml.d/10-mode.toml:4'
# As a declaration, it says the same.
mkdir -p /root/shown/etc/preseed/{services,catalog} /root/shown/usr/lib/preseed
cp /etc/preseed/preseed.toml /root/shown/etc/preseed/
cp -r /usr/lib/preseed/catalog /root/shown/usr/lib/preseed/
preseedctl show sonarr >/root/shown/etc/preseed/services/sonarr.toml
PRESEED_ROOT=/root/shown preseedctl show sonarr | sed 's/ *# .*//' >/root/again
assert_eq "$(preseedctl show sonarr | sed 's/ *# .*//')" "$(cat /root/again)"
preseedctl show sonarr --json >/root/show.json
assert_eq '0751 service 2' "$(python3 -c '
import json
mode = json.load(open("/root/show.json"))["dataset"]["mode"]
print(mode["value"], mode["from"][0]["layer"], mode["from"][0]["line"])')"

# Broken: closed, with its own file in the status. A fragment that is a directory is no less.
systemctl stop sonarr radarr
fragment /usr/local/lib/preseed sonarr 30-typo.toml <<<$'[dataset]\nowner = "sonarr'
fragment /etc/preseed gone 10-mode.toml <<<$'[dataset]\nmode = "0777"'
reload
assert_exit 1 systemctl start sonarr
assert_status preseed-sonarr.service '/usr/local/lib/preseed/services/sonarr\.toml\.d/30-typo\.toml:2:[0-9]+: '
assert_exit 0 systemctl start radarr
assert_exit 1 preseedctl show sonarr
assert_contains "$output" '30-typo.toml:2:'
assert_exit 0 preseedctl cat sonarr
assert_contains "$output" 'owner = "sonarr'
assert_exit 1 preseedctl check
assert_contains "$output" '/etc/preseed/services/gone.toml.d/10-mode.toml: there is no service `gone`'
assert_lacks "$(systemctl list-units --all)" preseed-gone
rm /usr/local/lib/preseed/services/sonarr.toml.d/30-typo.toml
mkdir /usr/local/lib/preseed/services/sonarr.toml.d/30-typo.toml
reload
assert_exit 1 systemctl start sonarr
assert_status preseed-sonarr.service '30-typo\.toml:1:1: the file is a directory'

# Masked.
ln -s /dev/null /etc/preseed/services/sonarr.toml.d/30-typo.toml
reload
systemctl start sonarr
assert_series 'The Expanse'

# What goes before another file is listed with it. Where fragments may be and cannot be listed, nothing that is shown is
# said to be all.
assert_exit 0 preseedctl check
assert_contains "$output" 'not read: /usr/lib/preseed/services/sonarr.toml.d/10-mode.toml: /run/preseed/services/sonarr.toml.d/10-mode.toml goes before it'
: >/usr/local/lib/preseed/preseed.toml.d
assert_exit 1 preseedctl cat sonarr
assert_contains "$output" '/usr/local/lib/preseed/preseed.toml.d:1:1: cannot list the directory: not a directory: fragments are files in a directory of this name'
assert_exit 1 preseedctl check
assert_contains "$output" '/usr/local/lib/preseed/preseed.toml.d:1:1: cannot list the directory'
assert_lacks "$output" 'not read: /usr/local/lib/preseed/preseed.toml.d'
rm /usr/local/lib/preseed/preseed.toml.d
sed -i 's/^template = .*/template = "gone"/' /etc/preseed/services/sonarr.toml
assert_exit 1 preseedctl cat sonarr
assert_contains "$output" '/etc/preseed/services/sonarr.toml:1:12: there is no template `gone`'
