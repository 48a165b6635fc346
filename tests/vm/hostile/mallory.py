"""Mallory: the user of some services, who does to their directories whatever comes to mind, until killed.

    mallory.py attack SEED PLACE...   at random, the same things in the same order for the same seed
    mallory.py fill PLACE [SEED]      what its service expects; with SEED, every other time a journal beside it

Prints a line `GAIN …` for each thing that should not have been possible.
"""

import ctypes
import fcntl
import mmap
import os
import random
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import time

SECRET = b"of another user, for nobody else"
VICTIMS = [
    "/etc/victim", "/root/victim", "/etc/victim.d", "/etc/shadow", "/srv/other/secret", "/srv/bystander/secret",
    "/srv/neighbour/secret", "/srv/neighbour", "/var/lib/preseed", "/etc/preseed/services", "/run/preseed", "/etc", "/",
]
# Where root keeps what it works on, as far as one can guess.
STAGED = ["/run/preseed/private", "/run/preseed/private/staged", "/run/preseed/staging", "/srv/.preseed-staging"]
AT_FDCWD, RENAME_EXCHANGE = -100, 2
libc = ctypes.CDLL(None, use_errno=True)
me = os.getuid()


def gain(what):
    print("GAIN", what, flush=True)


def name(rng):
    """A name in a place: one that root looks for, or one that programs stumble over."""
    wanted = [b"data", b"app.db", b"app.db-journal", b"app.db-wal", b"app.db-shm", b"config", b"config/app.xml", b"kept"]
    odd = [
        b"\xff\xfe\x80", b"two\nlines", b"tab\tand\\", b"\x1b]0;owned\x07", b"-rf", b"--target-directory=.", b" ", b"*",
        b"$(reboot)", b"n" * 255, "é".encode() * 127, b"lost+found", b".zfs", b".preseed-staging", b"restore", b"staged",
        b"..\\..", b"%s%n", b"preseed:kept",
    ]
    return rng.choice(wanted + odd + [b"d%d" % rng.randrange(6)])


def remove(path):
    """As `rm -rf`, also of what its owner has shut itself out of."""
    subprocess.run([b"chmod", b"-R", b"u+rwX", b"--", path], stderr=subprocess.DEVNULL)
    subprocess.run([b"rm", b"-rf", b"--", path], stderr=subprocess.DEVNULL)


def fresh(path):
    if os.path.lexists(path):
        remove(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def held(seconds, hold):
    """Holds something in a process of its own for this long."""
    if os.fork() == 0:
        try:
            kept = hold()  # It lives as long as the process.
            time.sleep(seconds)
            del kept
        finally:
            os._exit(0)


def exchange(one, other):
    libc.renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE)


# Acts: each is given the source of chance and a place. What fails, fails.


def link(rng, place):
    target = rng.choice(VICTIMS + ["..", "../" * 40 + "etc/victim", ".", "loop", "/proc/self/root/etc/victim"])
    os.symlink(target, fresh(os.path.join(place, name(rng))))


def pipe(rng, place):
    os.mkfifo(fresh(os.path.join(place, name(rng))))


def listener(rng, place):
    path = fresh(os.path.join(place, b"s%d" % rng.randrange(9)))
    held(5, lambda: (s := socket.socket(socket.AF_UNIX), s.bind(path), s.listen()))


def rename(rng, place):
    os.rename(os.path.join(place, name(rng)), os.path.join(place, name(rng)))


def swap(rng, place):
    """A directory and a link change places in a tight loop."""
    directory, link = (os.path.join(place, n) for n in (b"config", b"other"))
    os.makedirs(directory, exist_ok=True)
    os.path.lexists(link) or os.symlink(rng.choice(["/etc/victim.d", "/root", "/srv/neighbour"]), link)
    end = time.monotonic() + rng.uniform(0.1, 1)
    while time.monotonic() < end:
        exchange(directory, link)


def deep(rng, place):
    here = os.open(place, os.O_DIRECTORY)
    for _ in range(rng.randrange(100, 400)):
        step = b"deep" + b"x" * rng.randrange(240)
        try:
            os.mkdir(step, dir_fd=here)
        except FileExistsError:
            pass
        below = os.open(step, os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


def many(rng, place):
    directory = os.path.join(place, b"many%d" % rng.randrange(3))
    os.makedirs(directory, exist_ok=True)
    for number in range(rng.randrange(300)):
        open(os.path.join(directory, b"%d" % number), "wb").close()


def sparse(rng, place):
    with open(fresh(os.path.join(place, name(rng))), "wb") as file:
        # A backup reads all of it.
        file.truncate(1 << (26 if rng.random() < 0.7 or b"/srv/t" not in place else 40))


def private_mounts(rng, place):
    """Mounts in a user namespace of its own; a copy of all the machine's mounts comes with it."""
    script = rng.choice([
        'mount -t tmpfs none "$1"; cd "$1"; touch x; sleep 8',
        'mkdir -p "$1/m"; mount --bind "$1" "$1/m"; exec 7>"$1/m/held"; sleep 8',
        'mount --bind /etc "$1"; sleep 8',
        'mount -t overlay -o lowerdir=/etc,upperdir="$1",workdir="$1/w" none /mnt; sleep 8',
        'd=$(mktemp -d); mount --bind /srv/neighbour "$d"; sleep 8',
        'd=$(mktemp -d); mount --bind /srv/neighbour "$d"; sleep 8',
        'sleep 8',
    ])
    subprocess.Popen([b"unshare", b"-Urm", b"bash", b"-c", script.encode(), b"-", place], stderr=subprocess.DEVNULL)


def journal(rng, place):
    """Beside a database, a journal that names a file of root's, a pipe or another place as its super-journal."""
    database = os.path.join(place, b"app.db")
    if not os.path.isfile(database):
        connection = sqlite3.connect(os.fsdecode(fresh(database)))
        connection.execute("create table t (x)")
        connection.close()
    super_journal = rng.choice([b"/etc/victim", b"/root/victim", place + b"/kept", b"/srv/neighbour/secret", b"\xff" * 90])
    magic = bytes([0xD9, 0xD5, 0x05, 0xF9, 0x20, 0xA1, 0x63, 0xD7])
    with open(fresh(database + b"-journal"), "wb") as file:
        file.write(magic + os.urandom(504) if rng.random() < 0.5 else b"x" * 512)
        file.write(struct.pack(">I", 0x40000000 // 4096 + 1) + super_journal)
        file.write(struct.pack(">II", len(super_journal), sum(super_journal)) + magic)


def nasty_database(rng, place):
    path = fresh(os.path.join(place, b"app.db"))
    if rng.random() < 0.4:
        with open(path, "wb") as file:
            file.write(b"SQLite format 3\0" + os.urandom(rng.randrange(8192)))
        return
    connection = sqlite3.connect(os.fsdecode(path))
    connection.execute(
        "create table t (x check ((with recursive c(i) as (select 1 union all select i+1 from c where i < 1000000000)"
        " select count(*) from c) > 0 or x))"
    )
    connection.execute("pragma ignore_check_constraints = on")
    connection.execute("insert into t values (1)")
    connection.commit()
    connection.close()


def stand(rng, place):
    where = rng.choice([place, os.path.join(place, b"config")])
    held(rng.uniform(1, 10), lambda: os.chdir(where))


def open_files(rng, place):
    """Open for reading, for writing, deleted while open, nameless, mapped."""
    path = os.path.join(place, name(rng))

    def hold():
        flags = rng.choice([os.O_RDONLY, os.O_RDWR | os.O_CREAT, os.O_RDWR | os.O_CREAT])
        kept = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        if flags != os.O_RDONLY:
            os.ftruncate(kept, 4096)
            kept = mmap.mmap(kept, 4096)
            kept[0] = 1
        if rng.random() < 0.5:
            os.unlink(path)
        return kept

    def nameless():
        return os.open(place, os.O_TMPFILE | os.O_RDWR, 0o4755)

    held(rng.uniform(0.5, 6), rng.choice([hold, nameless]))


def lease(rng, place):
    """Whoever opens a leased file waits until the lease is broken."""
    path = os.path.join(place, rng.choice([b"data", b"app.db", b"config/app.xml"]))

    def hold():
        signal.signal(signal.SIGIO, signal.SIG_IGN)
        file = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        fcntl.flock(file, fcntl.LOCK_EX)
        return file

    held(8, hold)


def hard_links(rng, place):
    for victim in ("/etc/victim", "/root/victim", "/srv/bystander/secret", "/srv/neighbour/secret"):
        try:
            os.link(victim, os.path.join(place, name(rng)))
            gain(f"a hard link to {victim}")
        except OSError:
            pass
    os.link(os.path.join(place, b"data"), os.path.join(place, name(rng)))


def set_uid(rng, place):
    path = fresh(os.path.join(place, b"suid"))
    shutil.copy("/usr/bin/id", path)
    os.chmod(path, rng.choice([0o4755, 0o6777, 0o2755, 0o7777]))


def modes(rng, place):
    path = rng.choice([place, os.path.join(place, name(rng))])
    if not os.path.islink(path):
        os.chmod(path, rng.choice([0, 0, 0o700, 0o777, 0o1777, 0o2770, 0o111]))
        # Else nothing else could be done for the rest of the round.
        if path == place:
            time.sleep(rng.uniform(0, 0.5))
            os.chmod(place, 0o700)


def attributes(rng, place):
    path = rng.choice([place, os.path.join(place, name(rng))])
    for key in ("user.preseed.state", "user.x", "trusted.preseed.state", "security.capability"):
        try:
            os.setxattr(path, key, rng.choice([b"seeded", b"x" * 3000, b"a\nb"]), follow_symlinks=False)
            if key.startswith(("trusted", "security")):
                gain(f"the attribute {key}")
        except OSError:
            pass
    subprocess.run([b"setfacl", b"-m", b"u:nobody:rwx,d:u:0:-", b"--", path], stderr=subprocess.DEVNULL)


def wipe(rng, place):
    for entry in os.listdir(place):
        if rng.random() < 0.5:
            remove(os.path.join(place, entry))


def fill(place):
    """What the service expects. With a little more, so that there is something to do."""
    for entry in (b"data", b"app.db", b"app.db-journal", b"config"):
        if os.path.lexists(os.path.join(place, entry)):
            remove(os.path.join(place, entry))
    os.makedirs(os.path.join(place, b"config/covers"))
    with open(os.path.join(place, b"data"), "wb") as file:
        file.write(b"expected\n")
    with open(os.path.join(place, b"config/app.xml"), "wb") as file:
        file.write(b"evil::0:0::/root:/bin/bash\n")
    connection = sqlite3.connect(os.fsdecode(os.path.join(place, b"app.db")))
    connection.execute("create table t (x)")
    connection.execute("insert into t values ('x')")
    connection.commit()
    connection.close()


def refill(rng, place):
    # Seldom: what is there is not restored.
    if rng.random() < 0.2:
        fill(place)


def parent(rng, place):
    """Where a directory above the place is his as well, he puts a link in the place of what is in it."""
    above = os.path.dirname(rng.choice([place, os.path.dirname(place)]))
    if os.stat(above).st_uid != me:
        return
    entry = os.path.join(above, rng.choice([os.path.basename(place), b".preseed-staging"] + os.listdir(above)))
    aside = os.path.join(above, b"aside%d" % rng.randrange(3))
    if rng.random() < 0.5 and os.path.lexists(entry):
        remove(aside)
        os.rename(entry, aside)
    os.path.lexists(entry) or os.symlink(rng.choice(["/etc/victim.d", "/srv/neighbour", "/root", aside]), entry)
    time.sleep(rng.uniform(0, 0.3))
    if os.path.islink(entry):
        os.unlink(entry)
        os.path.isdir(aside) and os.rename(aside, entry)


def reach_out(rng, _place):
    """Looks for what is not his."""
    for victim in VICTIMS:
        try:
            with open(victim, "rb") as file:
                gain(f"can read {victim}") if SECRET in file.read(4096) else None
        except OSError:
            pass
        if os.path.isfile(victim) and os.access(victim, os.W_OK):
            gain(f"can write to {victim}")
    roots = [""] + [f"/proc/{process}/root" for process in os.listdir("/proc") if process.isdigit()]
    for root in roots:
        for staged in STAGED:
            try:
                os.listdir(root + staged)
                gain(f"can look into {root}{staged}")
            except OSError:
                pass


def look_at_mounts():
    with open("/proc/self/mountinfo", "rb") as file:
        for line in file:
            if b"/run/preseed/private" in line or b":preseed-staging" in line or b":preseed-check" in line:
                gain(f"sees what is staged: {line!r}")


def disturb_checks(rng, _place):
    """What runs as him and is not his own doing: stop it, kill it, keep what it sees."""
    mine = os.getpgid(0)
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{process}").st_uid != me or os.getpgid(int(process)) == mine:
                continue
            with open(f"/proc/{process}/cgroup", "rb") as file:
                if b"mallory" in file.read():
                    continue
            choice = rng.randrange(5)
            if choice == 0:
                os.kill(int(process), rng.choice([signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM]))
            elif choice == 1:
                held(10, lambda: os.open(f"/proc/{process}/ns/mnt", os.O_RDONLY))
            elif choice == 2:
                held(10, lambda: os.open(os.readlink(f"/proc/{process}/root") and f"/proc/{process}/root/srv", os.O_PATH))
            else:
                held(10, lambda: os.chdir(f"/proc/{process}/cwd"))
            print("disturbed a check", flush=True)
        except OSError:
            pass


ACTS = [
    link, link, link, pipe, pipe, listener, rename, rename, swap, swap, deep, many, sparse, private_mounts, journal, journal,
    nasty_database, stand, stand, open_files, open_files, open_files, lease, hard_links, set_uid, modes, attributes, wipe,
    refill, parent, parent, reach_out, disturb_checks,
]


def attack(seed, places):
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    rng = random.Random(seed)
    if os.fork() == 0:
        # What is staged and what is checked is there for a moment only.
        own = random.Random(seed + " checks")
        while True:
            disturb_checks(own, None)
            look_at_mounts()
            time.sleep(0.1)
    while True:
        act, place = rng.choice(ACTS), rng.choice(places)
        # One that fails in between draws no more: each has a source of its own.
        own = random.Random(rng.random())
        try:
            act(own, place)
        except (OSError, sqlite3.Error, shutil.Error):
            pass
        time.sleep(rng.uniform(0, 0.04))


if sys.argv[1] == "fill":
    place = os.fsencode(sys.argv[2])
    fill(place)
    chance = random.Random(sys.argv[3]) if sys.argv[3:] else None
    if chance and chance.random() < 0.5:
        journal(chance, place)
else:
    attack(sys.argv[2], [os.fsencode(place) for place in sys.argv[3:]])
