#!/usr/bin/env python3
"""Makes the empty restic repository beside this file that the scenarios begin from.

restic makes the password of a repository costly to try: each call of restic takes a second of a slow processor for it,
most of what a scenario takes. This makes a repository with restic, and writes its key again so that it costs nothing.
Needs restic and openssl.
"""

import base64, hashlib, json, os, pathlib, subprocess, tempfile

from sealed import Keys

PASSWORD = "correct horse\n".strip()
HERE = pathlib.Path(__file__).resolve().parent

with tempfile.TemporaryDirectory() as directory:
    made = pathlib.Path(directory, "made")
    environment = {**os.environ, "RESTIC_PASSWORD": PASSWORD}
    subprocess.run(["restic", "--repo", made, "--no-cache", "init", "--quiet"], env=environment, check=True)
    (file,) = (made / "keys").iterdir()
    key = json.loads(file.read_text())
    master = Keys.of_password(PASSWORD, key).open(base64.b64decode(key["data"]))

    key.update(N=2, r=1, p=1, username="root", hostname="scenarios")
    key["data"] = base64.b64encode(Keys.of_password(PASSWORD, key).seal(master)).decode()
    text = json.dumps(key)
    (HERE / "config").write_bytes((made / "config").read_bytes())
    # A key's name is its contents' hash.
    for old in (HERE / "keys").glob("*"):
        old.unlink()
    (HERE / "keys").mkdir(exist_ok=True)
    (HERE / "keys" / hashlib.sha256(text.encode()).hexdigest()).write_text(text)
