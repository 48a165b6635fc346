# Ctrl-C in a restore by hand ends all that it has started, also restic, which has a process group of its own. It says
# what is left, the service's data is as it was, and the next run restores.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
head -c 40000000 /dev/urandom >/var/lib/sonarr/large
backup_sonarr
systemctl stop sonarr
lose_data /var/lib/sonarr
# A part of the repository that gives no answer for a while.
pack=$(find "$REPOSITORY/data" -type f -size +1M -print -quit)
mv "$pack" /var/tmp/pack
mkfifo "$pack"

# A shell has its background processes ignore SIGINT.
python3 -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])' \
    /usr/lib/preseed/preseed-helper run sonarr 2>/run/said &
eventually pgrep --full 'restic restore'
kill -INT $!
status=0
wait $! || status=$?
assert_eq 130 "$status"
# One that is dead may wait for the machine's first process to take note.
is_gone() {
    ! pgrep restic
}
eventually is_gone
assert_contains "$(cat /run/said)" 'interrupted: all that this run had started is ended. A part of a copy may be left'
assert_lacks "$(cat /run/said)" 'unavailable'
assert_absent /var/lib/sonarr/sonarr.db

rm "$pack"
mv /var/tmp/pack "$pack"
systemctl start sonarr
assert_series 'The Expanse'
