# Debian's Radicale as the catalog has it, declared in two lines: an event is there after its directory was lost.
# packages: radicale

declare_default_host
repository_init
declare_of_catalog radicale
printf '[auth]\ntype = none\n[server]\nhosts = 127.0.0.1:5232\n[storage]\nfilesystem_folder = /var/lib/radicale/collections\n' >/etc/radicale/config
dav() { # METHOD PATH [BODY]
    python3 - "$@" <<'EOT'
import base64, sys, urllib.request
method, path, *body = sys.argv[1:]
request = urllib.request.Request("http://127.0.0.1:5232" + path, method=method, data=(body or [""])[0].encode() or None)
request.add_header("Authorization", "Basic " + base64.b64encode(b"ada:x").decode())
request.add_header("Content-Type", "text/calendar")
print(urllib.request.urlopen(request).read().decode())
EOT
}
declare -f dav >/root/dav
reload
installed
systemctl enable --quiet --now radicale
eventually dav MKCALENDAR /ada/house/
dav PUT /ada/house/school.ics 'BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//preseed//EN
BEGIN:VEVENT
UID:school
DTSTAMP:20260901T060000Z
DTSTART:20260901T060000Z
SUMMARY:the first day of school
END:VEVENT
END:VCALENDAR'
systemctl stop radicale
backup_as_declared radicale
rm -rf /var/lib/radicale

#: reboot
. /root/dav
assert_active radicale.service
eventually dav GET /ada/house/school.ics
assert_contains "$(dav GET /ada/house/school.ics)" 'the first day of school'
assert_journal preseed-radicale.service 'restored by restic'
