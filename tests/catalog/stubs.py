"""stubs.py NAME...: for each of these services, as declared, units that run a stub, and what the stub is to make.

Prints the services' units, the users that their packages would have made, and their directories, as assignments of
bash."""

import json
import os
import subprocess
import sys

# What the catalog expects that is a directory; all else is a file.
DIRECTORIES = {
    "base", "mysql", "data", "config", "scrypted.db", "media/documents/originals", "user-files", "users",
    "qBittorrent/BT_backup", "server", "mnesia", "collection-root", ".config/transmission-daemon",
}
UNITS = "/etc/systemd/system"


def type_of(path, sqlite):
    if path in sqlite:
        return "sqlite"
    if path in DIRECTORIES:
        return "directory"
    if path == "flows.json":
        return "array"
    if path.endswith(".json") or path in (".storage/core.config_entries", "database.db"):
        return "object"
    return "text"


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def stub(name):
    shown = subprocess.run(["preseedctl", "show", "--json", name], check=True, capture_output=True).stdout
    declared = json.loads(shown)
    value = lambda table, key: declared[table][key]["value"]
    sqlite = {check["sqlite"] for check in value("preseed", "verify") if "sqlite" in check}
    expect = value("preseed", "expect") or ["data"]
    write(f"/etc/stubs/{name}", "".join(f"{type_of(path, sqlite)} {path}\n" for path in expect))
    directory, owner = value("dataset", "mountpoint"), value("dataset", "owner")
    for unit in value("preseed", "unit"):
        write(f"{UNITS}/{unit}", f"""[Service]
Type=oneshot
RemainAfterExit=yes
User={owner}
Group={value("dataset", "group")}
ExecStart=/usr/lib/preseed-tests/stub {name} {directory}
""")
        wanted = f"{UNITS}/multi-user.target.wants/{unit}"
        if not os.path.lexists(wanted):
            os.symlink(f"../{unit}", wanted)
    makes_its_user = "name" in declared.get("user", {}) and value("user", "name") is not None
    return value("preseed", "unit"), [] if makes_its_user else [owner], directory


os.makedirs("/etc/stubs", exist_ok=True)
os.makedirs(f"{UNITS}/multi-user.target.wants", exist_ok=True)
units, users, directories = [], set(), []
for name in sys.argv[1:]:
    of_name, of_package, directory = stub(name)
    units += of_name
    directories.append(directory)
    users.update(of_package)
print(f"units=({' '.join(units)})")
print(f"users=({' '.join(sorted(users))})")
print(f"directories=({' '.join(directories)})")
