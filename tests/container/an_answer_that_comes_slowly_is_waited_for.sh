# A large repository is far away. To a machine that has no cache of it, as after a disaster, its index takes longer to
# come than a silent server is waited for. The data is restored, because the answer keeps coming.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
cat >>/etc/preseed/preseed.toml <<EOT

[repository.slow]
url = "rest:http://127.0.0.1:8000/"
password-file = "$PASSWORD_FILE"
EOT
# Many small files make a large index.
mkdir /var/tmp/many
seq 3000 | (cd /var/tmp/many && split --lines=1 --suffix-length=4 -)
backup /var/tmp/many many
backup_sonarr
lose_data /var/lib/sonarr
rm -rf /var/cache/preseed
declare_service sonarr <<'EOT'
template = "sonarr"

[backup]
repository = "slow"

[preseed]
stall-timeout = "3s"
EOT
reload

# What restic's REST protocol needs of a server that is only read from. Indexes come within 5.5 seconds.
cat >/var/tmp/server.py <<'EOT'
import http.server, json, os, sys, threading, time

index = sys.argv[1] + '/index'
rate = sum(os.path.getsize(f'{index}/{name}') for name in os.listdir(index)) / 5.5
line = threading.Lock()

class Repository(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = sys.argv[1] + self.path
        if self.path.startswith('/data/'):
            name = self.path.rsplit('/', 1)[1]
            path = f'{sys.argv[1]}/data/{name[:2]}/{name}'
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
        if self.command == 'HEAD':
            return
        step = 4096
        for at in range(0, len(body), step):
            part = body[at:at + step]
            if self.path.startswith('/index/'):
                with line:
                    time.sleep(len(part) / rate)
            self.wfile.write(part)
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
systemd-run --quiet --unit=server python3 /var/tmp/server.py "$REPOSITORY"
begun=${EPOCHREALTIME/./}
systemctl start sonarr
took=$((${EPOCHREALTIME/./} - begun))
((took > 5000000)) || fail "it took only $took microseconds"
assert_series 'The Expanse'
