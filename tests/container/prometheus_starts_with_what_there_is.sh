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
# It measures itself each 5 s.
sed -i 's/: 5s/: 1s/' /etc/prometheus/prometheus.yml
reload
installed
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
