# Debian's Mosquitto as the catalog has it, declared in two lines: a retained message is there after its directory was
# lost.
# packages: mosquitto mosquitto-clients

declare_default_host
repository_init
declare_of_catalog mosquitto
reload
installed
systemctl enable --quiet --now mosquitto
mosquitto_pub --retain --topic house/door --message open
systemctl stop mosquitto
backup_as_declared mosquitto
lose_data /var/lib/mosquitto

#: reboot
assert_active mosquitto.service
assert_eq open "$(mosquitto_sub --topic house/door -C 1 -W 5)"
assert_journal preseed-mosquitto.service 'restored by restic'
