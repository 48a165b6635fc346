"""How restic seals the files of a repository:
https://restic.readthedocs.io/en/stable/100_references.html#keys-encryption-and-mac. Needs openssl."""

import base64, hashlib, json, secrets, subprocess

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


class Keys:
    """A key to encrypt, and both for the MAC."""

    def __init__(self, encrypt, k, r):
        self.encrypt, self.k, self.r = encrypt, k, r

    @classmethod
    def of_password(cls, password, key):
        """Those that a file below keys/ makes of its password."""
        salt = base64.b64decode(key["salt"])
        n, r, p = key["N"], key["r"], key["p"]
        derived = hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=2**30, dklen=64)
        return cls(derived[:32], derived[32:48], derived[48:64])

    @classmethod
    def of_repository(cls, password, key):
        """Those that the rest of the repository is sealed with, in such a file."""
        master = json.loads(cls.of_password(password, key).open(base64.b64decode(key["data"])))
        mac = master["mac"]
        return cls(*(base64.b64decode(text) for text in (master["encrypt"], mac["k"], mac["r"])))

    def open(self, sealed):
        nonce, text, mac = sealed[:16], sealed[16:-16], sealed[-16:]
        assert poly1305_aes(self.k, self.r, nonce, text) == mac
        return openssl("aes-256-ctr", self.encrypt, text, nonce)

    def seal(self, text):
        nonce = secrets.token_bytes(16)
        text = openssl("aes-256-ctr", self.encrypt, text, nonce)
        return nonce + text + poly1305_aes(self.k, self.r, nonce, text)
