# Three hosts back up the same services to one repository, and forty services of this host have tags in common. A host
# whose name is declared once reports the others' snapshots, and starts what is new without a question. What one
# service takes never puts another in doubt.

declare_default_host
repository_init
service() { # NAME TAG...
    cat >"/etc/systemd/system/$1.service" <<-'EOT'
	[Service]
	Type=oneshot
	RemainAfterExit=yes
	ExecStart=/bin/true
	EOT
    declare_service "$1" <<-EOT
	[dataset]
	mountpoint = "/srv/$1"
	[preseed]
	expect = ["a.db"]
	[backup]
	repository = "local"
	tags = [$(printf '"%s",' "${@:2}")]
	EOT
}
for ((n = 1; n <= 40; n++)); do
    service "app$n" media "group$((n % 4))" $( ((n > 20)) || echo "app$n")
done
reload

# Some of this host's have data and backups; the others have tags in common with them.
systemctl start app{1..3} app21
for n in 1 2 3 21; do
    echo "$n" >"/srv/app$n/a.db"
done
for n in 1 2 3; do
    backup "/srv/app$n" media "group$n" "app$n"
done
backup /srv/app21 media group1
# None of the others is held up.
systemctl start app{4..8} app{22..26} app40
for name in app5 app25 app40; do assert_journal "preseed-$name.service" 'repository local: nothing there$'; done
systemctl stop app{1,21}
rm -rf /srv/app1 /srv/app21
systemctl start app{1,21}
assert_eq 1 "$(cat /srv/app1/a.db)"
assert_eq 21 "$(cat /srv/app21/a.db)"

# Two other hosts have the same services.
mkdir -p /srv/app{6,7}
for host in left right right; do
    in_repository backup --quiet --host "$host" --tag media,group2,app6 /srv/app6
    in_repository backup --quiet --host "$host" --tag media,group3,app7 /srv/app7
done
rmdir /srv/app{6,7}
lose() { # NAME: as if it had never been started
    systemctl stop "$1"
    rm -rf "/srv/$1" "/var/lib/preseed/memory/$1"
}
lose app6
lose app7
assert_refused app6 "of host right with tags media, group2, app6, .*write .host = \"$(hostname)\". there, or once"
cat >>/etc/preseed/preseed.toml <<EOT

[backup]
host = "$(hostname)"
EOT
reload
preseedctl check
systemctl reset-failed
systemctl start app6 app7
told=$(unit_journal preseed-app7.service | grep -c 'host right')
assert_eq 1 "$told" 'lines that tell of the other hosts'
assert_journal preseed-app7.service 'nothing there .*2 snapshots of /srv/app7 of host right .*; a snapshot of /srv/app7 of host left'
