# With `preseedctl enable`, a service stays down when the generator is missing, or crashes, and its data is
# gone: it does not start empty. Other services are not affected, and `disable` undoes exactly that.

declare_default_host
repository_init
declare_sonarr
another_service radarr 7878
install -d -o radarr /var/lib/radarr
reload
systemctl start sonarr radarr
add_series 'The Expanse'
sonarr add --at 127.0.0.1:7878 'Dune'
backup_sonarr

mkdir -p /etc/systemd/system/sonarr.service.d
printf '[Service]\nEnvironment=ADMINS=own\n' >/etc/systemd/system/sonarr.service.d/override.conf
assert_exit 0 preseedctl enable sonarr
assert_eq 'wrote /etc/systemd/system/sonarr.service.d/10-preseed-sonarr.conf' "$output"
assert_exit 0 preseedctl enable sonarr
assert_eq 'every drop-in is as it should be' "$output"
assert_contains "$(systemctl cat sonarr)" "# Written by \`preseedctl enable sonarr\`"
assert_contains "$(systemctl cat sonarr)" '50-preseed-sonarr.conf'
systemctl restart sonarr
assert_series 'The Expanse'

systemctl stop sonarr
mv /usr/lib/systemd/system-generators/preseed-generator /root/
rm -rf /var/lib/sonarr
install -d -o sonarr /var/lib/sonarr

#: reboot
assert_active radarr.service multi-user.target
assert_eq 'Dune' "$(sonarr list --at 127.0.0.1:7878)"
assert_not_active sonarr.service
assert_eq '' "$(ls /var/lib/sonarr)" 'what the service found and left'
assert_exit 1 preseedctl enable nothing
! systemctl start sonarr || fail 'sonarr started without its data being looked after'

printf '#!/bin/sh\nkill -SEGV $$\n' >/usr/lib/systemd/system-generators/preseed-generator
chmod 0755 /usr/lib/systemd/system-generators/preseed-generator

#: reboot
assert_active radarr.service multi-user.target
assert_not_active sonarr.service
assert_eq '' "$(ls /var/lib/sonarr)" 'what the service found and left'
! systemctl start sonarr || fail 'sonarr started without its data being looked after'

assert_exit 0 preseedctl disable sonarr
assert_eq 'removed /etc/systemd/system/sonarr.service.d/10-preseed-sonarr.conf' "$output"
assert_eq override.conf "$(ls /etc/systemd/system/sonarr.service.d)"
assert_exit 0 preseedctl disable sonarr
assert_eq 'there was no drop-in to remove' "$output"
systemctl start sonarr
assert_no_series

systemctl stop sonarr
rm -rf /var/lib/sonarr
mv /root/preseed-generator /usr/lib/systemd/system-generators/
reload
preseedctl enable sonarr
systemctl start sonarr
assert_series 'The Expanse'
