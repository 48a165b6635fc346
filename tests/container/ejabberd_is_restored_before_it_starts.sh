# Debian's ejabberd as the catalog has it, declared in two lines: its users are there after its directory was lost.
# packages: ejabberd

declare_default_host
repository_init
declare_of_catalog ejabberd
# Debian's way to stop it looks only every two seconds whether it is over.
mkdir /etc/systemd/system/ejabberd.service.d
printf '[Service]\nExecStop=\n' >/etc/systemd/system/ejabberd.service.d/stop.conf
reload
installed
systemctl enable --quiet --now ejabberd
ejabberdctl register ada localhost secret >/dev/null
systemctl stop ejabberd
backup_as_declared ejabberd
lose_data /var/lib/ejabberd

#: reboot
assert_active ejabberd.service
assert_eq ada "$(ejabberdctl registered_users localhost)"
assert_journal preseed-ejabberd.service 'restored by restic'
