"""store_again.py REPOSITORY PASSWORD-FILE [HOST TIME]...: files a snapshot for each of these once more, as of that host and
time (RFC 3339). The snapshot is read from standard input, as `restic cat snapshot` prints it.

Each `restic backup` waits for 0.2 s after it has locked the repository, and several at once may miss each other's locks
for far longer.
"""

import hashlib, json, pathlib, sys

from sealed import Keys

repository, password, *filed = sys.argv[1:]
(key,) = pathlib.Path(repository, "keys").iterdir()
keys = Keys.of_repository(pathlib.Path(password).read_text().strip(), json.loads(key.read_text()))
snapshot = json.load(sys.stdin)
for host, time in zip(filed[::2], filed[1::2], strict=True):
    sealed = keys.seal(json.dumps({**snapshot, "hostname": host, "time": time}).encode())
    # A snapshot's name is its contents' hash.
    pathlib.Path(repository, "snapshots", hashlib.sha256(sealed).hexdigest()).write_bytes(sealed)
