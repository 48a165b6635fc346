# A restore by hand on a terminal of 80 columns shows how much has come and how fast and, once the total is known, a
# bar. No line is longer than the terminal. The journal says when the restore begins, and how far it is while it takes
# its time.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
head -c 40000000 /dev/urandom >/var/lib/sonarr/large
backup_sonarr
lose_data /var/lib/sonarr

# A part of the repository that gives no answer for a while.
pack=$(find "$REPOSITORY/data" -type f -size +1M -print -quit)
silent() {
    mv "$pack" /var/tmp/pack
    mkfifo "$pack"
}
answers() {
    ln "$pack" /var/lib/pipe
    mv /var/tmp/pack "$pack"
    : >/var/lib/pipe
    rm /var/lib/pipe
}
# Without the terminal's colours and movements.
lines() {
    sed -E 's/\x1b\[[0-9;?]*[A-Za-z]/\n/g' /run/shown | tr '\r' '\n'
}
shows() { # REGEX
    lines | grep -E -- "$1"
}

silent
TERM=xterm script --quiet --return --flush --command 'stty cols 80 rows 24; /usr/lib/preseed/preseed-helper run sonarr' \
    /run/shown >/dev/null </dev/null &
eventually shows '^[-|/\\] restoring sonarr from .* B, .*/s *$'
eventually shows '^restoring sonarr .*\[[=> ]{10}\] +[0-9]+% [0-9.]+ [KMG]?i?B/38.[0-9]+ MiB '
answers
wait $!
assert_eq '' "$(lines | awk 'length > 80 && /restoring/')" 'lines that wrap'
assert_contains "$(lines)" 'restored by restic'
systemctl start sonarr
assert_series 'The Expanse'
systemctl stop sonarr
assert_no_journal preseed-sonarr.service 'restoring from'

lose_data /var/lib/sonarr
systemctl start sonarr
assert_journal preseed-sonarr.service '^sonarr: restoring from [0-9a-f]{8} of repository local$'
