# What an admin did by hand was interrupted: it has come to its end, or everything is as it was and it is done again. A copy
# that was complete and not put in place is kept, and nothing else.
assert_active sonarr.service
assert_series 'The Expanse'
if [[ -e /var/lib/sonarr/newer || ! -e /var/lib/sonarr/large ]]; then
    systemctl stop sonarr
    for unused in $(kept_datasets | grep -e '-unused-restore$' || true); do
        preseedctl release --yes "$unused" >/dev/null 2>&1
    done
    again
fi
