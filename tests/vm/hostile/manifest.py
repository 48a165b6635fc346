"""What a machine is, as far as the user Mallory must not change it.

    manifest.py take FILE [all]      notes it; with `all` what is below /usr as well
    manifest.py compare FILE [all]   prints a line for each difference, and for each thing that must be nowhere

Files are noted by inode and times: whatever is done to one changes its `ctime`, which nobody can set.
"""

import os
import pickle
import pwd
import stat
import sys

MALLORY = pwd.getpwnam("mallory").pw_uid
# Mallory's: he may do as he likes.
HIS = [b"/srv/t-", b"/srv/mallory", b"/srv/.t-", b"/tmp", b"/var/tmp", b"/dev/shm"]
# Whose names and contents change as the machine goes. `/srv/neighbour` is restored all the time, and compared by itself.
CHANGING = [
    b"/var/log", b"/var/lib/systemd", b"/var/lib/preseed", b"/var/lib/restic-repo", b"/var/lib/apt", b"/var/cache", b"/run",
    b"/srv/neighbour", b"/srv/.preseed-staging", b"/srv/.neighbour", b"/dev", b"/root/.cache",
]
NOT_LOOKED_AT = [b"/proc", b"/sys"]
# In these, names come and go.
AROUND = [b"/", b"/srv", b"/var", b"/var/lib", b"/root", b"/etc"]


def below(path, places):
    return any(path.startswith(place) for place in places)


def walk(all_of_it):
    """Each file with what `lstat` says of it. Nothing is followed."""
    left = [b"/"]
    while left:
        directory = left.pop()
        try:
            entries = list(os.scandir(directory))
        except OSError:
            # Gone meanwhile, or deeper than a path can be: below Mallory's places only.
            continue
        for entry in entries:
            path = entry.path
            if below(path, NOT_LOOKED_AT) or (path == b"/usr" and not all_of_it):
                continue
            try:
                found = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            yield path, found
            if stat.S_ISDIR(found.st_mode):
                left.append(path)


def facts(path, found):
    kept = (found.st_mode, found.st_uid, found.st_gid)
    if path in AROUND or below(path, CHANGING):
        return kept
    link = os.readlink(path) if stat.S_ISLNK(found.st_mode) else None
    return kept + (found.st_ino, found.st_nlink, found.st_size, found.st_mtime_ns, found.st_ctime_ns, link)


def look(all_of_it):
    """What must stay as it is, and what must not be there at all."""
    stays, wrong = {}, []
    for path, found in walk(all_of_it):
        is_set_uid = stat.S_ISREG(found.st_mode) and found.st_mode & (stat.S_ISUID | stat.S_ISGID)
        if below(path, HIS):
            place = b"/".join(path.split(b"/")[:3])
            in_place = place.startswith((b"/srv/t-", b"/srv/mallory"))
            if in_place and found.st_uid != MALLORY and b".preseed-staging" not in path:
                wrong.append((path, f"belongs to {found.st_uid}, in Mallory's place"))
            if is_set_uid and found.st_uid != MALLORY:
                wrong.append((path, "is set-uid and not Mallory's, in his reach"))
            continue
        if found.st_uid == MALLORY or found.st_gid == MALLORY_GROUP:
            wrong.append((path, "is Mallory's, outside of his places"))
        if not below(path, CHANGING) or path in CHANGING:
            stays[path] = facts(path, found)
    return stays, wrong


MALLORY_GROUP = pwd.getpwnam("mallory").pw_gid
command, file, *extent = sys.argv[1:]
stays, wrong = look(extent == ["all"])
if command == "take":
    with open(file, "wb") as out:
        pickle.dump(stays, out)
    sys.exit()
with open(file, "rb") as before:
    was = pickle.load(before)
differences = [f"{path!r} {what}" for path, what in wrong]
for path in sorted(was.keys() | stays.keys()):
    if was.get(path) != stays.get(path):
        differences.append(f"{path!r} was {was.get(path, 'not there')}, is {stays.get(path, 'gone')}")
print("\n".join(differences[:40]))
sys.exit(1 if differences else 0)
