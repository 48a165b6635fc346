# A power cut left the declaration's file with length zero, or it holds nothing but comments. The service stays down,
# the status has the file's name and line, and its dataset stays where it is. The same goes for an empty template and
# an empty preseed.toml. The first two touch no other service.

sonarr_with 'The Expanse'
cat >/etc/systemd/system/root-run.service <<EOT
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'ls -A /var/lib/root-run >/run/saw; echo started >>/var/lib/root-run/starts'
[Install]
WantedBy=multi-user.target
EOT
systemctl enable --quiet root-run
declare_service root-run <<EOT
[dataset]
mountpoint = "/var/lib/root-run"
owner = "sonarr"
mode = "0710"
EOT
reload
systemctl start root-run
assert_exists /var/lib/root-run/starts
: >/etc/preseed/services/root-run.toml
sync

#: reboot
assert_not_active root-run.service
assert_absent /run/saw
assert_properties tank/services/root-run mountpoint=/var/lib/root-run canmount=on
assert_eq 'sonarr 710' "$(stat -c '%U %a' /var/lib/root-run)"
assert_status preseed-root-run.service '/etc/preseed/services/root-run.toml:1:1: the declaration is empty'
assert_exit 1 preseedctl check
assert_contains "$output" '/etc/preseed/services/root-run.toml:1:1: '
starts_with 'The Expanse'

printf '# soon\n\n' >/etc/preseed/services/root-run.toml
reload
assert_refused root-run '/etc/preseed/services/root-run.toml:1:1: the declaration is empty'
mkdir -p /etc/preseed/catalog
: >/etc/preseed/catalog/nothing.toml
echo 'template = "nothing"' >/etc/preseed/services/root-run.toml
reload
assert_refused root-run '/etc/preseed/catalog/nothing.toml:1:1: the template is empty'
starts_with 'The Expanse'

cp /etc/preseed/preseed.toml /var/tmp/
: >/etc/preseed/preseed.toml
reload
assert_refused sonarr '/etc/preseed/preseed.toml:1:1: the file is empty'
assert_properties "$DATASET" mountpoint=/var/lib/sonarr
cp /var/tmp/preseed.toml /etc/preseed/
reload
starts_with 'The Expanse'
