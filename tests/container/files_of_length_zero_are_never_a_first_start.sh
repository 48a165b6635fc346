# A power cut leaves files of length zero: in the repository, among the secrets and the declarations; or the
# repository lost its snapshots. Whatever restic then says, the service is down or has its data. It never starts
# empty, and starts by itself once all is well.
# also: vm

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
backup_sonarr
cp -a "$REPOSITORY" /var/tmp/sound
cp "$PASSWORD_FILE" /var/tmp/password
cp /etc/preseed/preseed.toml /var/tmp/

empty() { # FILE...
    chmod u+w "$@"
    truncate -s 0 "$@"
}
try() { # WHAT COMMAND...
    local what=$1
    shift
    "$@"
    reload
    lose_data /var/lib/sonarr
    systemctl reset-failed
    if systemctl start sonarr; then
        assert_eq 'The Expanse' "$(series)" "$what"
        systemctl stop sonarr
    else
        systemctl show -p StatusText --value preseed-sonarr dataset-sonarr
    fi
    rm -rf "$REPOSITORY"
    cp -a /var/tmp/sound "$REPOSITORY"
    cp /var/tmp/password "$PASSWORD_FILE"
    cp /var/tmp/preseed.toml /etc/preseed/
}
# First, before any other has restored: its mark says only that it was started empty.
try 'no directory of snapshots' rm -r "$REPOSITORY/snapshots"
try 'data, but no snapshot and no index' rm -r "$REPOSITORY/snapshots" "$REPOSITORY/index"
try 'config' empty "$REPOSITORY/config"
try 'key' empty "$REPOSITORY"/keys/*
try 'snapshot' empty "$REPOSITORY"/snapshots/*
try 'index' empty "$REPOSITORY"/index/*
try 'password' empty "$PASSWORD_FILE"
try 'preseed.toml' empty /etc/preseed/preseed.toml
reload
starts_with 'The Expanse'
