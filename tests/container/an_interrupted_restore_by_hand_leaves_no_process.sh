# Ctrl-C in a restore by hand, and the end of its terminal, end all that it has started, also restic, which has a process
# group of its own. It says what is left, the service's data is as it was, and the next run restores. A plan says that
# nothing was changed.

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

# The window is closed.
python3 - <<'EOT'
import os, pty, subprocess, time
helper, terminal = pty.fork()
if helper == 0:
    os.execv('/usr/lib/preseed/preseed-helper', ['preseed-helper', 'run', 'sonarr'])
while subprocess.run(['pgrep', '--full', 'restic restore'], stdout=subprocess.DEVNULL).returncode:
    time.sleep(0.02)
os.close(terminal)
_, status = os.waitpid(helper, 0)
assert os.waitstatus_to_exitcode(status) == 130, status
EOT
eventually is_gone
assert_absent /var/lib/sonarr/sonarr.db

# What nohup started outlives its terminal, and is ended by the other signals all the same.
for signal in INT TERM; do
    python3 -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])' \
        /usr/bin/nohup /usr/lib/preseed/preseed-helper run sonarr >/run/said 2>&1 &
    eventually pgrep --full 'restic restore'
    # Between fork and exec it is called otherwise.
    eventually pkill -HUP restic
    kill -HUP $!
    sleep 0.2
    # One that was started with what it does not know ends, and is started again.
    eventually pgrep --full 'restic restore'
    kill "-$signal" $!
    status=0
    wait $! || status=$?
    assert_eq 130 "$status"
    eventually is_gone
    assert_contains "$(cat /run/said)" 'interrupted: all that this run had started is ended'
done
rm "$pack"
mv /var/tmp/pack "$pack"

# A plan, whose question gets no answer.
index=$(find "$REPOSITORY/index" -type f -print -quit)
mv "$index" /var/tmp/index
mkfifo "$index"
rm -rf /var/cache/preseed
preseedctl plan sonarr >/run/said 2>&1 &
eventually pgrep --full 'restic .*ls'
kill -TERM $!
wait $! || true
eventually is_gone
assert_eq 'interrupted: nothing was changed' "$(cat /run/said)"

# What is done with a repository.
rm -rf /var/cache/preseed
preseedctl repository check local >/run/said 2>&1 &
eventually pgrep --full 'restic .*check'
kill -TERM $!
status=0
wait $! || status=$?
assert_eq 130 "$status"
eventually is_gone
assert_contains "$(cat /run/said)" 'interrupted: all that this run had started is ended'
rm "$index"
mv /var/tmp/index "$index"
systemctl start sonarr
assert_series 'The Expanse'
