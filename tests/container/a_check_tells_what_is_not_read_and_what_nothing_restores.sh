# `preseedctl check` lists files below the directories of declarations that are not read, and warns of a service that
# nothing could restore. It looks at the files of secrets as a restore would, and at who may read them.

declare_host <<EOT
[storage]
backend = "directory"

[repository.local]
url = "$REPOSITORY"
password-file = "$PASSWORD_FILE"
environment-file = "/etc/preseed/secrets/environment"
EOT
repository_init
(umask 077 && printf 'RESTIC_X=1\n' >/etc/preseed/secrets/environment)
declare_sonarr
cp /etc/preseed/services/sonarr.toml /etc/preseed/services/sonarr.TOML
cp /etc/preseed/services/sonarr.toml /etc/preseed/radarr.toml
reload
assert_exit 0 preseedctl check
assert_contains "$output" 'not read: /etc/preseed/radarr.toml: only preseed.toml is read here: a service'"'"'s file belongs in /etc/preseed/services'
assert_contains "$output" 'not read: /etc/preseed/services/sonarr.TOML: its name does not end in `.toml`'
assert_contains "$output" '
1 service, all declarations are sound'
assert_lacks "$output" warning
rm /etc/preseed/services/sonarr.TOML /etc/preseed/radarr.toml

# No source at all.
declare_service radarr <<<'[preseed]'
another_service radarr 7878
reload
assert_exit 0 preseedctl check
assert_contains "$output" 'radarr.toml: warning: nothing could bring its data back, once it is lost: name a `repository` in [backup]'
assert_contains "$output" '2 services, all declarations are sound; 1 warning'
rm /etc/preseed/services/radarr.toml

# Secrets: empty, no line of NAME=value, to be read by everybody, to be replaced by a link on the way.
: >"$PASSWORD_FILE"
assert_exit 1 preseedctl check
assert_contains "$output" "$PASSWORD_FILE: it is missing or empty (password-file of repository local)"
assert_contains "$output" '; 1 error'
password_file
echo 'export RESTIC_X' >>/etc/preseed/secrets/environment
assert_exit 1 preseedctl check
assert_contains "$output" '/etc/preseed/secrets/environment:2:1: this line is not NAME=value'
echo 'RESTIC_X=1' >/etc/preseed/secrets/environment
chmod 0711 "${PASSWORD_FILE%/*}"
chmod 0644 "$PASSWORD_FILE"
assert_exit 0 preseedctl check
assert_contains "$output" "\`$PASSWORD_FILE\` may be read by everybody (mode 0644): \`chmod go-r $PASSWORD_FILE\`"
chmod 0600 "$PASSWORD_FILE"
install -d -o sonarr /srv/theirs
mv "$PASSWORD_FILE" /root/secret
ln -s /root/secret /srv/theirs/link
ln -s /srv/theirs/link "$PASSWORD_FILE"
assert_exit 1 preseedctl check
assert_matches "$output" '`/srv/theirs` belongs to user [0-9]+, who could put anything there'
