# The newest snapshot does not fit, or there is no room to check it: beside it, in the copy that a check is given, or
# in the check's /tmp. That says nothing of the snapshot, so an older one that would fit is not taken. Nothing is left
# of the attempt.

declare_default_host
repository_init
mkdir /srv/small
mount -t tmpfs -o size=40m,mode=755 tmpfs /srv/small
printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n' >/etc/systemd/system/app.service
declare_app() {
    declare_service app <<-END
	[dataset]
	mountpoint = "/srv/small/app"
	[preseed]
	expect = ["app.db"]
	$(printf '%s\n' "$@")
	[backup]
	repository = "local"
	END
}
declare_app
reload
systemctl start app
sqlite3 /srv/small/app/app.db 'CREATE TABLE t (x); INSERT INTO t VALUES (1)'
backup /srv/small/app
sqlite3 /srv/small/app/app.db 'INSERT INTO t VALUES (randomblob(10000000))'
backup /srv/small/app
newest=$(sha256sum </srv/small/app/app.db)
systemctl stop app
rm -r /srv/small/app

# leaving MEBIBYTES: that much room.
leaving() {
    rm -f /srv/small/other
    fallocate --length "$((40 - $1))M" /srv/small/other
}
refused_for() { # REGEX
    assert_refused app "$1"
    assert_no_journal preseed-app 'passed over|restored by'
    assert_eq $'app\nother' "$(find /srv/small -mindepth 1 -printf '%P\n' | sort)" 'nothing is left of the attempt'
}

leaving 5
refused_for 'repository local: .*no space left on device'

leaving 15
declare_app 'verify = [{ sqlite = "app.db" }]'
refused_for 'app.db: restored data could not be verified: there is no room to copy the database'

leaving 30
cat >/usr/local/bin/check <<'END'
#!/bin/bash
# Of the newest, it writes much, and leaves nothing of that.
trap 'rm -f "$1/much" /tmp/much' EXIT
(($(stat --format=%s "$1/app.db") < 1000000)) || "$(cat /etc/check-writes)" "$1"
END
cat >/usr/local/bin/in-the-copy <<'END'
#!/bin/bash
exec fallocate --length 100G "$1/much"
END
cat >/usr/local/bin/in-tmp <<'END'
#!/bin/bash
exec head -c 100M /dev/zero >/tmp/much
END
chmod +x /usr/local/bin/{check,in-the-copy,in-tmp}
declare_app 'verify = [{ command = ["/usr/local/bin/check"] }]'
for where in in-the-copy in-tmp; do
    echo "/usr/local/bin/$where" >/etc/check-writes
    refused_for 'restored data could not be verified: .*No space left on device'
done

# Something that the check started was killed, as by the kernel for want of memory.
printf '#!/bin/sh\nkill -KILL $$\n' >/usr/local/bin/killed
chmod +x /usr/local/bin/killed
echo /usr/local/bin/killed >/etc/check-writes
refused_for 'restored data could not be verified: .*ended with exit status: 137'

echo /bin/true >/etc/check-writes
systemctl start app
assert_eq "$newest" "$(sha256sum </srv/small/app/app.db)" 'the newest data'
