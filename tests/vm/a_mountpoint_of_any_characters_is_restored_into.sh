# The mountpoint holds spaces, quotes, `%` and letters beyond ASCII: made, mounted, rolled back, cloned, received and
# restored by restic there, and there again after a reboot.

directory="/srv/it's \"my\" 100% sörvice\$x"
declare_default_host
declare_vault
repository_init
declare_service odd <<'END'
[dataset]
mountpoint = "/srv/it's \"my\" 100% sörvice$x"
[preseed]
expect = ["data"]
[backup]
repository = "local"
END
cat >/etc/systemd/system/odd.service <<'END'
[Service]
ExecStart=sleep infinity
[Install]
WantedBy=multi-user.target
END
systemctl enable --quiet odd
reload
systemctl start odd
starts() {
    systemctl start odd
    assert_eq mine "$(cat "$directory/data")"
    assert_journal preseed-odd.service "restored by $1"
    systemctl stop odd
}
systemctl stop odd
echo mine >"$directory/data"
backup "$directory"
zfs snapshot tank/services/odd@good
zfs send tank/services/odd@good | zfs receive -u vault/services/odd

rm "$directory/data"
starts rollback
rm "$directory/data"
zfs snapshot tank/services/odd@empty
starts 'snapshot from tank/services/odd@good'
umount "$directory"
zfs rename tank/services/odd tank/away
zfs set canmount=noauto tank/away
preseedctl forget --yes odd
starts 'snapshot from vault/services/odd@good'
umount "$directory"
zfs rename tank/services/odd tank/away-too
zfs set canmount=noauto tank/away-too
preseedctl forget --yes odd
zfs destroy -r vault/services/odd
starts restic
assert_eq "$directory" "$(zfs get -H -o value mountpoint tank/services/odd)"

#: reboot
assert_active odd.service
assert_eq mine "$(cat "/srv/it's \"my\" 100% sörvice\$x/data")"
