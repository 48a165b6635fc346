# A program that restores started something that does not end and holds its pipe open, as does what hangs in the
# kernel and cannot be killed. The restore continues without it: by `zfs receive`, by `cp` and by restic.

sonarr_with 'The Expanse'
zfs snapshot "$DATASET@good"
replicate "$DATASET@good"
backup_sonarr
leaving_behind() { # PROGRAM CONDITION: that begins a process of its own session, and then does its work
    cat >"/usr/local/sbin/$1" <<EOT
#!/bin/bash
if $2; then
    echo called >>/run/called
    # Without the service's lock, for which the next run would wait.
    setsid bash -c 'for fd in /proc/self/fd/*; do fd=\${fd##*/}; ((fd < 3)) || eval "exec \$fd>&-"; done; exec sleep 1000' </dev/null &
fi
exec $(command -v "$1") "\$@"
EOT
    chmod +x "/usr/local/sbin/$1"
}
restored_by() { # WORDS
    rm -f /run/called
    lose_data /var/lib/sonarr
    systemctl reset-failed
    timeout 300 systemctl start sonarr
    assert_exists /run/called
    assert_series 'The Expanse'
    assert_journal preseed-sonarr.service "$1"
    systemctl stop sonarr
    pkill -f 'sleep 1000' || true
    eventually eval '! pgrep -f "sleep 1000"'
}
leaving_behind restic '[[ " $* " == *" restore "* ]]'
declare_sonarr 'tiers = ["restic"]'
reload
restored_by 'restored by restic'

leaving_behind zfs '[[ $1 == receive ]]'
declare_sonarr 'tiers = ["snapshot"]'
reload
systemctl stop sonarr
destroy_sonarr
zfs create -o mountpoint=/var/lib/sonarr "$DATASET"
restored_by 'restored by snapshot from vault/services/sonarr@good'

leaving_behind zfs '[[ $1 == send ]]'
zfs destroy -r "$DATASET" 2>/dev/null || { umount /var/lib/sonarr; zfs destroy -r "$DATASET"; }
zfs create -o mountpoint=/var/lib/sonarr "$DATASET"
restored_by 'restored by snapshot from vault/services/sonarr@good'

leaving_behind zfs false
leaving_behind cp true
declare_sonarr 'tiers = ["snapshot"]' 'paths = ["sonarr.db", "config.xml"]'
reload
restored_by 'restored by snapshot from vault/services/sonarr@good'
