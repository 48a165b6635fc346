# A socket starts a service whose data is lost, while the repository is away. Each connection would start it again at
# once, hundreds of times a minute. The same refusal is held back for longer each time. Once the repository is back,
# the service starts without help.

declare_default_host
repository_init
declare_service echo <<'EOT'
[dataset]
mountpoint = "/var/lib/echo"

[preseed]
expect = ["data"]

[backup]
repository = "local"
EOT
cat >/etc/systemd/system/echo.socket <<'EOT'
[Socket]
ListenStream=/run/echo.sock
TriggerLimitIntervalSec=0
EOT
cat >/etc/systemd/system/echo.service <<'EOT'
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/sleep infinity
StandardInput=socket
EOT
reload
systemctl start dataset-echo
echo data >/var/lib/echo/data
backup /var/lib/echo
lose_data /var/lib/echo
mv "$REPOSITORY" "$REPOSITORY.away"
systemctl start echo.socket

python3 - <<'EOT' &
import socket, time
s = socket.socket(socket.AF_UNIX)
s.connect('/run/echo.sock')
s.send(b'x')
time.sleep(100)
EOT
is_held_back() {
    told=$(systemctl show --property=StatusText --value preseed-echo.service)
    [[ $told =~ 'no repository at its address'.*told\ ([34])\ times\ in\ a\ row:\ held\ back\ for\ (3|9)\ s ]]
}
eventually is_held_back
times=${BASH_REMATCH[1]}
runs=$(unit_journal preseed-echo.service | grep -c 'Starting ')
# Another one may have begun since.
((runs == times || runs == times + 1)) || fail "it was told $times times" "and started $runs times"

mv "$REPOSITORY.away" "$REPOSITORY"
eventually systemctl is-active echo.service
assert_eq data "$(cat /var/lib/echo/data)"
# What succeeded is forgotten.
assert_eq '' "$(ls /run/preseed/refused)" 'what is noted'
