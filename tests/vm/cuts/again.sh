# What an admin did by hand was interrupted: it has come to its end, or everything is as it was and it is done again. A copy
# that was complete and not put in place is kept, and nothing else.
assert_active sonarr.service
assert_series 'The Expanse'
if [[ -e /etc/sonarr ]]; then
    # Either of all places is there, and never one of each.
    there=$(paste -sd ' ' /etc/sonarr/app.conf)
    if [[ -e /var/lib/sonarr/newer || ! -e /var/lib/sonarr/large ]]; then
        [[ $there != 'port = 1' ]] || fail 'its places are of two times'
    else
        assert_eq 'port = 1' "$there" 'its places are of two times'
    fi
fi
if [[ -e /var/lib/sonarr/newer || ! -e /var/lib/sonarr/large ]]; then
    systemctl stop sonarr
    for unused in $(kept_datasets | grep -e '-unused-restore$' || true); do
        # One goes with the others of its set.
        ! zfs list "$unused" >/dev/null 2>&1 || preseedctl release --yes "$unused" >/dev/null 2>&1
    done
    again
fi
