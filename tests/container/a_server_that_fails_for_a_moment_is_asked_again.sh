# The repository is on a server. It is down when the service starts, and is asked again until it answers. It breaks
# off in the middle of the restore, which is begun again. When it stops responding for good, the restore is ended and
# no older data is taken instead.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
cat >>/etc/preseed/preseed.toml <<EOT

[repository.server]
url = "rest:http://127.0.0.1:8000/"
password-file = "$PASSWORD_FILE"
EOT
backup_sonarr
head -c 20000000 /dev/urandom >/var/lib/sonarr/large
backup_sonarr
lose_data /var/lib/sonarr
declare_service sonarr <<EOT
template = "sonarr"

[backup]
repository = "server"
EOT
reload

# What restic's REST protocol needs of a server that is only read from, with locks that are thrown away.
cat >/var/tmp/server.py <<'EOT'
import http.server, json, os, signal, sys, threading

one_at_a_time = threading.Lock()

class Repository(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = sys.argv[1] + self.path
        # Each restic begins with this question.
        if (self.command, self.path) == ('HEAD', '/config') and os.path.exists('/run/server-answers'):
            with one_at_a_time:
                answers = int(open('/run/server-answers').read())
                open('/run/server-answers', 'w').write(str(answers - 1))
            if answers == 0:
                return self.connection.close()
        if self.path.startswith('/data/'):
            name = self.path.rsplit('/', 1)[1]
            path = f'{sys.argv[1]}/data/{name[:2]}/{name}'
            if os.path.exists('/run/server-fails'):
                os.unlink('/run/server-fails')
                return self.send_error(503)
            if os.path.exists('/run/server-is-silent'):
                os.kill(os.getpid(), signal.SIGSTOP)
        if self.path.endswith('/'):
            names = [] if self.path == '/locks/' else os.listdir(path)
            sized = [{'name': name, 'size': os.path.getsize(path + name)} for name in names]
            body, kind = json.dumps(sized).encode(), 'application/vnd.x.restic.rest.v2'
        else:
            if not os.path.isfile(path):
                return self.send_error(404)
            body, kind = open(path, 'rb').read(), 'application/octet-stream'
        status, wanted = 200, self.headers.get('Range')
        if wanted:
            first, last = wanted.removeprefix('bytes=').split('-')
            status, body = 206, body[int(first):int(last) + 1 if last else None]
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)
    do_HEAD = do_GET

    def do_POST(self):
        self.rfile.read(int(self.headers.get('Content-Length', 0)))
        self.send_response(200)
        self.send_header('Content-Length', '0')
        self.end_headers()
    do_DELETE = do_POST

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(('127.0.0.1', 8000), Repository).serve_forever()
EOT

systemctl start --no-block sonarr
asks_again() {
    unit_status preseed-sonarr.service | grep -E 'Status: "repository server: it cannot be used: .*connection refused.*; asking again'
}
eventually asks_again
touch /run/server-fails
systemd-run --quiet --unit=server python3 /var/tmp/server.py "$REPOSITORY"
eventually systemctl is-active sonarr.service
assert_absent /run/server-fails
assert_series 'The Expanse'
assert_exists /var/lib/sonarr/large

systemctl stop sonarr
lose_data /var/lib/sonarr
# The second restic is the one that restores.
echo 1 >/run/server-answers
systemctl start sonarr
# A restore that takes long is asked for its size beside it, with one question more.
(($(cat /run/server-answers) <= -2)) || fail 'it was not asked again' "$(cat /run/server-answers) are left to be answered"
assert_series 'The Expanse'

systemctl stop sonarr
lose_data /var/lib/sonarr
touch /run/server-is-silent
cat >>/etc/preseed/services/sonarr.toml <<'EOT'

[preseed]
stall-timeout = "1s"
EOT
assert_exit 1 systemctl start sonarr
assert_status preseed-sonarr.service 'Status: .*repository server: `restic restore` made no progress for 1 s'
assert_no_journal preseed-sonarr.service 'passed over'
