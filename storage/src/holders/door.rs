//! Who cannot get into a service's data, although it is mounted where they are.

use std::path::Path;

use declaration::settings::Service;

use crate::namespaces;

/// Whom the directory at the root of the data lets in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Door {
    uid: u32,
    gid: u32,
    mode: u32,
}

impl Door {
    /// That of a service's data; `None` if whom it belongs to cannot be told.
    pub(super) fn of(service: &Service) -> Option<Self> {
        let (uid, gid) = crate::owner(service).ok()?;
        let mode = service.mode.bits();
        Some(Self { uid, gid, mode })
    }

    /// Whether a process in a user namespace of its own cannot get in. Any user can mount any directory in such a
    /// namespace, whether or not it may enter it. What cannot be told counts as no.
    pub(super) fn keeps_out(self, process: u32) -> bool {
        let link = |process: &Path| std::fs::read_link(process.join("ns/user"));
        let process = Path::new("/proc").join(process.to_string());
        let (Ok(own), there) = (link(Path::new("/proc/self")), link(&process)) else {
            return false;
        };
        match there {
            Ok(there) if there != own => {}
            Err(error) if namespaces::is_gone(&process, &error) => return true,
            _ => return false,
        }
        let read = |file: &str| std::fs::read_to_string(process.join(file));
        match (read("status"), read("uid_map"), read("gid_map")) {
            (Ok(status), Ok(users), Ok(groups)) => self.shuts_out(&status, &users, &groups),
            _ => false,
        }
    }

    /// The same, by what /proc tells of the process in our user namespace's numbers (user_namespaces(7)).
    fn shuts_out(self, status: &str, users: &str, groups: &str) -> bool {
        let has = |keys: &[&str], id: u32| {
            let lines = status.lines();
            let of_keys = lines.filter_map(|line| keys.iter().find_map(|k| line.strip_prefix(k)));
            of_keys
                .flat_map(str::split_whitespace)
                .any(|one| one.parse() == Ok(id))
        };
        // What is mapped, its root may act as.
        let maps = |map: &str, id: u32| {
            map.lines().any(|line| {
                let numbers: Vec<u64> = line.split_whitespace().flat_map(str::parse).collect();
                match numbers.as_slice() {
                    &[_, first, count] => (first..first + count).contains(&u64::from(id)),
                    _ => true,
                }
            })
        };
        let is_owner = has(&["Uid:"], self.uid) || maps(users, self.uid);
        let is_in_group = has(&["Gid:", "Groups:"], self.gid) || maps(groups, self.gid);
        !is_owner && (self.mode & 0o010 == 0 || !is_in_group) && self.mode & 0o001 == 0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn whoever_is_not_let_in_is_told_by_its_users_and_groups() {
        let door = |mode| Door {
            uid: 70,
            gid: 71,
            mode,
        };
        let other = "Uid:\t90\t90\t90\t90\nGid:\t91\t91\t91\t91\nGroups:\t91 92 \n";
        let only_own = "0 90 1\n";
        assert!(door(0o700).shuts_out(other, only_own, "0 91 1\n"));
        assert!(door(0o750).shuts_out(other, only_own, "0 91 1\n"));
        assert!(!door(0o751).shuts_out(other, only_own, "0 91 1\n"));
        let in_group = other.replace("92", "71");
        assert!(!door(0o750).shuts_out(&in_group, only_own, "0 91 1\n"));
        assert!(door(0o700).shuts_out(&in_group, only_own, "0 91 1\n"));
        let owner = other.replace("90", "70");
        assert!(!door(0o700).shuts_out(&owner, "0 70 1\n", "0 71 1\n"));
        let rootless_container = "0 90 1\n1 60 1000\n";
        assert!(!door(0o700).shuts_out(other, rootless_container, "0 91 1\n"));
        assert!(!door(0o700).shuts_out(other, "what is this\n", "0 91 1\n"));
        // Of this process: it is in our user namespace.
        assert!(!door(0o700).keeps_out(std::process::id()));
    }
}
