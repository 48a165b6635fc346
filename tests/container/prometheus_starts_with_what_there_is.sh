# Debian's Prometheus as the catalog has it, declared in two lines: what was measured is there after its directory was
# lost. With no repository that answers, it starts empty: metrics are missed, not needed.
# packages: prometheus

declare_default_host
repository_init
declare_of_catalog prometheus
cat >/root/first-sample <<'EOT'
import json, urllib.request
url = "http://127.0.0.1:9090/api/v1/query?query=up%7Bjob=%22prometheus%22%7D%5B1d%5D"
print(json.load(urllib.request.urlopen(url))["data"]["result"][0]["values"][0][0])
EOT
reload
installed
# It begins to measure after 5 s. This was measured before.
systemctl start preseed-prometheus
printf 'up{job="prometheus"} 1 %s\n# EOF\n' "$(($(date +%s) - 36000))" >/run/measured
runuser -u prometheus -- promtool tsdb create-blocks-from openmetrics /run/measured /var/lib/prometheus/metrics2 >/dev/null
systemctl enable --quiet --now prometheus
eventually python3 /root/first-sample
python3 /root/first-sample >/root/first
systemctl stop prometheus
backup_as_declared prometheus
lose_data /var/lib/prometheus/metrics2

#: reboot
eventually python3 /root/first-sample
assert_eq "$(cat /root/first)" "$(python3 /root/first-sample)" 'the first sample'
assert_journal preseed-prometheus.service 'restored by restic'
systemctl stop prometheus
mv "$REPOSITORY" "$REPOSITORY.away"
lose_data /var/lib/prometheus/metrics2
systemctl start prometheus
assert_active prometheus.service
assert_journal preseed-prometheus.service 'start-empty|starts empty'
