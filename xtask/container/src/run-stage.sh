# One stage of a scenario, from within the machine: /run/scenario/stage/NAME.sh.
# What it prints goes to the pipe /run/scenario/output, its exit status to /run/scenario/status.
exec >/run/scenario/output 2>&1
cd /

# The unit that runs this is started early, so that a boot that hangs is reported and not waited for.
timeout 300 systemctl is-system-running --wait >/dev/null
if [[ $? == 124 ]]; then
    echo 'the boot was not over after 300 s, and waited for these jobs:'
    systemctl list-jobs
    status=1
else
    BASH_ENV=/usr/lib/preseed-tests/lib.sh timeout 600 bash /run/scenario/stage/*.sh
    status=$?
    [[ $status != 124 ]] || echo 'the stage was not over after 600 s'
fi
if [[ $status != 0 ]]; then
    BASH_ENV=/usr/lib/preseed-tests/lib.sh bash -c report
fi
echo "$status" >/run/scenario/status
# Nothing is asked of it any more: no unit is stopped, and the disks of the machine around it are not waited for.
[[ ! -e /run/scenario/is-last ]] || poweroff --force --force --no-sync &>/dev/null
