# The data is lost, and the repository's password is wrong, then missing. The service does not start on an empty
# directory, and says why. Other services run. Once the password is corrected, `systemctl start` works.
# also: vm

lose_sonarr_beside_radarr
cp -p "$PASSWORD_FILE" /var/tmp/password
printf 'not that one\n' >"$PASSWORD_FILE"

#: reboot
assert_not_active sonarr.service
assert_failed preseed-sonarr.service
assert_active radarr.service multi-user.target
assert_status preseed-sonarr.service 'Status: .*repository local: the password is wrong'
assert_status preseed-sonarr.service "Status: .*: correct $PASSWORD_FILE"

rm "$PASSWORD_FILE"
assert_exit 1 systemctl start sonarr
assert_status preseed-sonarr.service "Status: .*$PASSWORD_FILE"

cp -p /var/tmp/password "$PASSWORD_FILE"
systemctl start sonarr
assert_series 'The Expanse'
