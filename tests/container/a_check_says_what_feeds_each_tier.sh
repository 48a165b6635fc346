# `preseedctl check` says of each service which tiers could restore it and what feeds them, in a line each, and warns of what
# cannot work: a tier that nothing feeds, a promise that the schedules cannot keep, backups that a restore would not find,
# secrets that lie in what is to be restored with them. Where all is well, there is no warning.

declare_host <<EOT
[storage]
parent = "tank/services"

[replica.vault]
parent = "vault/services"

[repository.local]
url = "$REPOSITORY"
password-file = "$PASSWORD_FILE"

[repository.inside]
url = "/var/lib/sonarr/repository"
password-file = "/var/lib/sonarr/secret"
append-only = true
EOT
repository_init
for name in radarr lidarr readarr; do idle_service "$name"; done
declare_service sonarr <<'EOT'
template = "sonarr"
[snapshots]
policy = "services"
[backup]
repository = "local"
schedule = "daily"
keep = { daily = 14 }
[promise]
recovery-point = "1h"
EOT
mkdir /etc/sanoid
printf '[tank/services]\nuse_template = days\nrecursive = yes\nprocess_children_only = yes\n[tank/services/radarr]\n[template_days]\nhourly = 0\n' >/etc/sanoid/sanoid.conf.away
reload
assert_exit 0 preseedctl check
assert_contains "$output" 'sonarr: rollback, snapshot: snapshots by the policy services (24 hourly, 7 daily)
sonarr: snapshot: the replica vault (vault/services/sonarr), by somebody else
sonarr: restic: backups to repository local, daily; forgotten as `keep` says
'
assert_lacks "$output" 'warning'
assert_eq 3 "$(grep -c '^sonarr' <<<"$output")" "$output"

# Nothing takes snapshots, and the backups come too seldom.
declare_service radarr <<'EOT'
dataset.owner = "root"
[preseed]
replicas = []
max-age = { restic = "3d" }
[backup]
repository = "local"
schedule = "Sun"
path = "/srv/elsewhere"
[promise]
recovery-point = "24h"
EOT
# Secrets, and the repository, in the data that they are to bring back.
install -D -m 0600 "$PASSWORD_FILE" /var/lib/sonarr/secret
declare_service lidarr <<'EOT'
dataset.owner = "root"
[snapshots]
policy = "external"
[backup]
repository = "inside"
schedule = "no such day"
keep = { daily = 1 }
EOT
assert_exit 0 preseedctl check
for warning in \
    'radarr.toml: warning: nothing takes snapshots of tank/services/radarr, which the tiers `rollback` and `snapshot` restore from: name a `policy`' \
    'radarr.toml: warning: `recovery-point` in [promise]: the newest snapshot or backup can be 7 days old, and 24 h are promised: ' \
    'radarr.toml: warning: `max-age` of restic: the newest can be 7 days old, and from 3 days on this tier is asked last' \
    'radarr.toml: warning: a backup is made of /srv/radarr, and `path` says that a restore looks for /srv/elsewhere' \
    'lidarr.toml: warning: /var/lib/sonarr/secret lies in the data of sonarr, which may be lost together with it' \
    'lidarr.toml: warning: repository inside lies in the data of sonarr, which may be lost together with it: move it to another disk' \
    'lidarr.toml: warning: `schedule = "no such day"`: systemd cannot read it' \
    'lidarr.toml: warning: `keep` in [backup]: this machine may only add to repository inside: whoever manages that must forget and prune'; do
    assert_contains "$output" "$warning"
done
assert_contains "$output" '
lidarr: rollback, snapshot: snapshots by somebody else (`policy = "external"`), and not by /etc/sanoid/sanoid.conf
'

# An admin's own Sanoid takes some, by a section of one above.
mv /etc/sanoid/sanoid.conf{.away,}
declare_service readarr <<'EOT'
dataset.owner = "root"
preseed.replicas = []
[backup]
repository = "local"
schedule = "Sun"
[promise]
recovery-point = "12h"
EOT
sed -i 's/replicas = .*/&\ntiers = ["snapshot", "restic"]/' /etc/preseed/services/radarr.toml
assert_exit 0 preseedctl check
assert_contains "$output" '
radarr: snapshot: snapshots by /etc/sanoid/sanoid.conf:5
'
assert_contains "$output" '
readarr: rollback, snapshot: snapshots by /etc/sanoid/sanoid.conf:1
'
assert_lacks "$output" '/radarr.toml: warning: `recovery-point`'
assert_contains "$output" 'readarr.toml: warning: `recovery-point` in [promise]: the newest snapshot or backup can be 24 h old, and 12 h are promised'
