# A user who is not root is told that root is needed, and not that there is nothing. If a program is not installed,
# the message names its package. After a broken declaration is mended, the message says how systemd gets to know. A
# plan by hand and a start agree, whatever home the user's environment names.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
backup_sonarr

for command in kept 'plan sonarr' 'release sonarr' 'forget sonarr' 'enable sonarr'; do
    # shellcheck disable=SC2086
    assert_exit 1 setpriv --reuid=sonarr --regid=sonarr --clear-groups preseedctl $command
    assert_contains "$output" "preseedctl ${command%% *}: this needs root"
done
assert_exit 1 setpriv --reuid=sonarr --regid=sonarr --clear-groups /usr/lib/preseed/preseed-helper run sonarr
assert_contains "$output" 'preseed-helper run: this needs root'

# A mistake, which is mended; systemd goes by what it has read.
sed -i 's/local/locl/' /etc/preseed/services/sonarr.toml
reload
assert_refused sonarr 'did you mean `local`'
sed -i 's/locl/local/' /etc/preseed/services/sonarr.toml
assert_refused sonarr 'sonarr.toml: it is sound now, and systemd does not know yet: run `systemctl daemon-reload`'
reload
systemctl start sonarr
systemctl stop sonarr

# Not installed.
lose_data /var/lib/sonarr
mv "$(command -v restic)" /var/tmp/restic
assert_refused sonarr 'restic: it is not installed: install it, e.g. `apt install restic`'
assert_exit 1 preseedctl plan sonarr
assert_contains "$output" 'restic: it is not installed'

# restic asks a server through a program that has its configuration in a home directory.
cat >/usr/local/bin/restic <<'EOT'
#!/bin/sh
echo "$HOME $XDG_CONFIG_HOME" >>/run/homes
exec /var/tmp/restic "$@"
EOT
chmod 0755 /usr/local/bin/restic
assert_exit 0 env HOME=/home/somebody XDG_CONFIG_HOME=/home/somebody/.config preseedctl plan sonarr
reload
systemctl start sonarr
assert_series 'The Expanse'
assert_eq '/root ' "$(sort -u /run/homes)"
