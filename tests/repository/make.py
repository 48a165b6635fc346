#!/usr/bin/env python3
"""Makes the empty restic repository beside this file that the scenarios begin from.

restic makes the password of a repository costly to try: each call of restic takes a second of a slow processor for it,
most of what a scenario takes. This makes a repository with restic, and writes its key again so that it costs nothing.
The format is that of https://restic.readthedocs.io/en/stable/100_references.html#keys-encryption-and-mac.
Needs restic and openssl.
"""

import base64, hashlib, json, os, pathlib, secrets, subprocess, tempfile

PASSWORD = "correct horse\n".strip()
HERE = pathlib.Path(__file__).resolve().parent
CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF


def openssl(cipher, key, data, iv=None):
    command = ["openssl", "enc", "-e", f"-{cipher}", "-K", key.hex(), "-nopad"]
    if iv is not None:
        command += ["-iv", iv.hex()]
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def poly1305_aes(k, r, nonce, data):
    """Poly1305-AES: https://cr.yp.to/mac.html."""
    s = int.from_bytes(openssl("aes-128-ecb", k, nonce), "little")
    r = int.from_bytes(r, "little") & CLAMP
    sum_ = 0
    for start in range(0, len(data), 16):
        block = data[start : start + 16] + b"\x01"
        sum_ = (sum_ + int.from_bytes(block, "little")) * r % (2**130 - 5)
    return ((sum_ + s) % 2**128).to_bytes(16, "little")


def keys_of(derived):
    """The keys in 64 bytes that scrypt gives: to encrypt, and both for the MAC."""
    return derived[:32], derived[32:48], derived[48:64]


def derive(key):
    salt = base64.b64decode(key["salt"])
    n, r, p = key["N"], key["r"], key["p"]
    return keys_of(hashlib.scrypt(PASSWORD.encode(), salt=salt, n=n, r=r, p=p, maxmem=2**30, dklen=64))


with tempfile.TemporaryDirectory() as directory:
    made = pathlib.Path(directory, "made")
    environment = {**os.environ, "RESTIC_PASSWORD": PASSWORD}
    subprocess.run(["restic", "--repo", made, "--no-cache", "init", "--quiet"], env=environment, check=True)
    (file,) = (made / "keys").iterdir()
    key = json.loads(file.read_text())
    data = base64.b64decode(key["data"])
    nonce, text, mac = data[:16], data[16:-16], data[-16:]
    encrypt, k, r = derive(key)
    assert poly1305_aes(k, r, nonce, text) == mac
    master = openssl("aes-256-ctr", encrypt, text, nonce)

    key.update(N=2, r=1, p=1, username="root", hostname="scenarios")
    encrypt, k, r = derive(key)
    nonce = secrets.token_bytes(16)
    text = openssl("aes-256-ctr", encrypt, master, nonce)
    key["data"] = base64.b64encode(nonce + text + poly1305_aes(k, r, nonce, text)).decode()
    text = json.dumps(key)
    (HERE / "config").write_bytes((made / "config").read_bytes())
    # A key's name is its contents' hash.
    for old in (HERE / "keys").glob("*"):
        old.unlink()
    (HERE / "keys").mkdir(exist_ok=True)
    (HERE / "keys" / hashlib.sha256(text.encode()).hexdigest()).write_text(text)
