//! What a generated service is allowed, and how much of the machine it may take (systemd.exec(5),
//! systemd.resource-control(5)).
//!
//! Both helpers mount file systems that the whole machine must see. So nothing is here that gives a
//! unit a mount namespace of its own, such as `ProtectSystem=`, `PrivateTmp=`, `PrivateDevices=`,
//! `ProtectKernelModules=` or, since systemd 255, `PrivateNetwork=`. Nor is `RestrictSUIDSGID=`:
//! a restore brings back files with any mode.

use declaration::settings::{Backup, Repository, Service, Storage};

use crate::unit::{Directive, Value};

/// System calls that no restore needs, and no check of restored data.
const NEVER: &str = "~@clock @cpu-emulation @module @obsolete @raw-io @reboot @swap";

/// Capabilities that no restore needs, and no check of restored data.
const NEVER_CAPABLE: &str = "~CAP_AUDIT_CONTROL CAP_BLOCK_SUSPEND CAP_SYS_BOOT CAP_SYS_MODULE CAP_SYS_PACCT \
     CAP_SYS_RAWIO CAP_SYS_TIME CAP_SYSLOG CAP_WAKE_ALARM";

/// Mounting, owning and marking a directory (`trusted` attributes need `CAP_SYS_ADMIN`); and seeing which other mount
/// namespaces have it mounted (proc_pid_ns(5)).
const APPLY: &str = "CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_SYS_ADMIN CAP_SYS_PTRACE";

/// That, and restoring whatever a backup holds: files of any owner, devices, attributes of all
/// namespaces; running restic, ssh and checks as another user, and ending them; and telling who has a file of the
/// storage open (`CAP_SYS_PTRACE`).
const RESTORE: &str = "CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL \
     CAP_MAC_ADMIN CAP_MKNOD CAP_SETFCAP CAP_SETGID CAP_SETUID CAP_SYS_ADMIN CAP_SYS_PTRACE";

/// For the service that makes a service's storage what is declared.
pub(crate) fn of_dataset(service: &Service, process: &mut Vec<Directive<'_>>) {
    fixed(
        process,
        &[("Slice", SLICE), ("CapabilityBoundingSet", APPLY)],
    );
    fixed(process, &ANYTHING);
    fixed(process, &ONLY_OURS);
    // A dataset that is not mounted is looked into in a mount namespace that only one thread sees.
    let namespaces = if service.storage.is_mounted() {
        "mnt"
    } else {
        "yes"
    };
    fixed(
        process,
        &[
            ("RestrictNamespaces", namespaces),
            ("RestrictAddressFamilies", "AF_UNIX"),
        ],
    );
    devices(&service.storage, process);
}

/// For the service that makes a dataset which belongs to no service: it mounts nothing.
pub(crate) fn of_utility(process: &mut Vec<Directive<'_>>) {
    fixed(
        process,
        &[
            ("Slice", SLICE),
            (
                "CapabilityBoundingSet",
                "CAP_SYS_ADMIN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH",
            ),
        ],
    );
    fixed(process, &ANYTHING);
    fixed(process, &ONLY_OURS);
    fixed(
        process,
        &[
            ("RestrictNamespaces", "mnt"),
            ("RestrictAddressFamilies", "AF_UNIX"),
            ("DeviceAllow", "/dev/zfs rw"),
        ],
    );
}

/// For the service that restores its data.
pub(crate) fn of_restore(service: &Service, process: &mut Vec<Directive<'_>>) {
    fixed(process, &[("Slice", SLICE)]);
    fixed(process, &MEMORY);
    if service.runs_a_command() {
        // It may be anything, a container or a Java program: what limits the helper would limit it.
        fixed(process, &[("CapabilityBoundingSet", NEVER_CAPABLE)]);
        fixed(process, &ANYTHING);
        return;
    }
    fixed(process, &[("CapabilityBoundingSet", RESTORE)]);
    fixed(process, &ANYTHING);
    fixed(process, &ONLY_OURS);
    let families = if service.needs_network() {
        REMOTE
    } else {
        "AF_UNIX"
    };
    fixed(
        process,
        &[
            // Snapshots are looked into in a mount namespace that only one thread sees.
            ("RestrictNamespaces", "mnt"),
            ("RestrictAddressFamilies", families),
        ],
    );
    devices(&service.storage, process);
    // A backup may hold device nodes: they are made, not opened.
    fixed(
        process,
        &[("DeviceAllow", "char-* m"), ("DeviceAllow", "block-* m")],
    );
}

/// For the service that drills a restore: it may do what the restore may, and lets others go first.
pub(crate) fn of_drill(service: &Service, process: &mut Vec<Directive<'_>>) {
    of_restore(service, process);
    fixed(process, &LITTLE);
}

/// Reading data of any owner, from a snapshot that is mounted for that alone; giving up all else before restic is run
/// (`CAP_SETPCAP`), and ending it.
const BACKUP: &str =
    "CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_KILL CAP_SETPCAP CAP_SYS_ADMIN CAP_SYS_PTRACE";

/// That, and checking a clone of the snapshot as a restore does.
const BACKUP_CHECKED: &str = "CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL \
     CAP_MAC_ADMIN CAP_MKNOD CAP_SETFCAP CAP_SETGID CAP_SETPCAP CAP_SETUID CAP_SYS_ADMIN CAP_SYS_PTRACE";

/// For the service that backs its data up.
pub(crate) fn of_backup(service: &Service, backup: &Backup, process: &mut Vec<Directive<'_>>) {
    fixed(process, &[("Slice", SLICE)]);
    fixed(process, &MEMORY);
    fixed(process, &LITTLE);
    let runs_commands = !(backup.before.is_empty() && backup.after.is_empty());
    if runs_commands || service.runs_a_command() {
        // They may be anything: what limits the helper would limit them.
        fixed(process, &[("CapabilityBoundingSet", NEVER_CAPABLE)]);
        fixed(process, &ANYTHING);
        return;
    }
    let is_checked = |part: &Service| !part.verify.is_empty() && part.storage.dataset().is_some();
    let capable = if service.parts().any(is_checked) {
        BACKUP_CHECKED
    } else {
        BACKUP
    };
    with_restic(&backup.repository, capable, process);
    fixed(process, &[("RestrictNamespaces", "mnt")]);
    devices(&service.storage, process);
}

/// For the service that looks after a repository.
pub(crate) fn of_maintenance(repository: &Repository, process: &mut Vec<Directive<'_>>) {
    fixed(process, &[("Slice", SLICE)]);
    fixed(process, &MEMORY);
    fixed(process, &LITTLE);
    with_restic(repository, BACKUP, process);
    fixed(process, &[("RestrictNamespaces", "mnt")]);
    // Whether a service has its data is asked.
    fixed(process, &[("DeviceAllow", "/dev/zfs rw")]);
}

fn with_restic(repository: &Repository, capable: &'static str, process: &mut Vec<Directive<'_>>) {
    fixed(process, &[("CapabilityBoundingSet", capable)]);
    fixed(process, &ANYTHING);
    fixed(process, &ONLY_OURS);
    let families = if repository.is_remote() {
        REMOTE
    } else {
        "AF_UNIX"
    };
    fixed(process, &[("RestrictAddressFamilies", families)]);
}

/// For the service that only says why a declaration is broken.
pub(crate) fn of_broken(process: &mut Vec<Directive<'_>>) {
    fixed(process, &[("Slice", SLICE), ("CapabilityBoundingSet", "")]);
    fixed(process, &ANYTHING);
    fixed(process, &ONLY_OURS);
    fixed(
        process,
        &[
            ("RestrictNamespaces", "yes"),
            ("RestrictAddressFamilies", "AF_UNIX"),
        ],
    );
}

const REMOTE: &str = "AF_UNIX AF_INET AF_INET6 AF_NETLINK";

/// What can wait lets others go first.
const LITTLE: [(&str, &str); 2] = [("Nice", "10"), ("IOSchedulingPriority", "7")];

const SLICE: &str = "storage-preseed.slice";

/// A large repository's index must not take the machine down. What the kernel kills then is restic:
/// the helper goes on, and tells it.
const MEMORY: [(&str, &str); 3] = [
    ("MemoryHigh", "50%"),
    ("MemoryMax", "75%"),
    ("OOMPolicy", "continue"),
];

/// What limits nothing that restores data or checks it.
const ANYTHING: [(&str, &str); 5] = [
    ("LockPersonality", "yes"),
    ("ProtectHostname", "yes"),
    ("RestrictRealtime", "yes"),
    ("SystemCallFilter", NEVER),
    ("SystemCallErrorNumber", "EPERM"),
];

/// What limits only programs of others.
const ONLY_OURS: [(&str, &str); 6] = [
    ("DevicePolicy", "closed"),
    ("ProtectClock", "yes"),
    ("SystemCallFilter", "~@debug @keyring"),
    ("SystemCallArchitectures", "native"),
    ("MemoryDenyWriteExecute", "yes"),
    ("NoNewPrivileges", "yes"),
];

/// ZFS is asked through its device.
fn devices(storage: &Storage, process: &mut Vec<Directive<'_>>) {
    if let Some(device) = storage.device() {
        fixed(process, &[("DeviceAllow", device)]);
    }
}

fn fixed(process: &mut Vec<Directive<'_>>, directives: &[(&'static str, &'static str)]) {
    process.extend(
        directives
            .iter()
            .map(|(key, words)| (*key, Value::Fixed(words))),
    );
}
