//! The names of what is written for a service.

use std::fmt::Write as _;

/// The longest unit name (systemd.unit(5)), and the longest name of a file.
const NAME_LIMIT: usize = 255;
/// The longest part of a name that is the service's own: `50-preseed-NAME.conf`,
/// `dataset-NAME.service` and `preseed-NAME.service` all have room for it.
const PART_LIMIT: usize = NAME_LIMIT - "preseed-.service".len();

/// The names of what is written for one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// `dataset-NAME.service`.
    pub dataset: String,
    /// `preseed-NAME.service`.
    pub preseed: String,
    /// `50-preseed-NAME.conf`.
    pub drop_in: String,
    /// `backup-NAME`, without its suffix.
    pub backup: String,
    /// `drill-NAME`, without its suffix.
    pub drill: String,
}

impl Names {
    /// The names for the service `name`, which may be anything that a file can be called.
    ///
    /// Different services have different names, and none of them is a template or an instance.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let part = unit_name_part(name);
        Self {
            dataset: ["dataset-", &part, ".service"].concat(),
            preseed: ["preseed-", &part, ".service"].concat(),
            drop_in: ["50-preseed-", &part, ".conf"].concat(),
            backup: ["backup-", &part].concat(),
            drill: ["drill-", &part].concat(),
        }
    }
}

/// `name` where it can be part of a unit's name as it stands, else escaped.
///
/// A name with a backslash is escaped too: it could be another name's escape.
fn unit_name_part(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    let part = if name.chars().all(plain) {
        name.to_owned()
    } else {
        escape(name)
    };
    if part.len() <= PART_LIMIT {
        return part;
    }
    // Cut, and told apart by a hash, as systemd does with long mount points.
    let hash = format!("_{:016x}", fnv1a(name.as_bytes()));
    let mut cut = part;
    cut.truncate(PART_LIMIT - hash.len());
    // Not in the middle of an escape, which has four characters.
    if let Some(escape) = cut.rfind('\\').filter(|escape| escape + 4 > cut.len()) {
        cut.truncate(escape);
    }
    cut + &hash
}

/// Escapes as `systemd-escape NAME` does (systemd.unit(5), "String Escaping for Inclusion in Unit Names").
#[must_use]
pub fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len() * 2);
    for (position, byte) in name.bytes().enumerate() {
        match byte {
            b'/' => escaped.push('-'),
            b'.' if position == 0 => escaped.push_str("\\x2e"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'_' | b'.' => {
                escaped.push(char::from(byte));
            }
            _ => {
                let _ = write!(escaped, "\\x{byte:02x}");
            }
        }
    }
    escaped
}

/// The 64-bit FNV-1a hash: the same on every machine and in every release.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_names_stand_as_they_are() {
        let names = Names::of("so-narr_4.x");
        assert_eq!(names.dataset, "dataset-so-narr_4.x.service");
        assert_eq!(names.preseed, "preseed-so-narr_4.x.service");
        assert_eq!(names.drop_in, "50-preseed-so-narr_4.x.conf");
    }

    #[test]
    fn others_are_escaped_as_systemd_escape_does() {
        assert_eq!(Names::of("so narr").preseed, "preseed-so\\x20narr.service");
        assert_eq!(
            Names::of("so-n arr").preseed,
            "preseed-so\\x2dn\\x20arr.service"
        );
        assert_eq!(Names::of("%i").preseed, "preseed-\\x25i.service");
        assert_eq!(Names::of("a@b").preseed, "preseed-a\\x40b.service");
        assert_eq!(Names::of("ü\n").preseed, "preseed-\\xc3\\xbc\\x0a.service");
        assert_eq!(escape(".a.b"), "\\x2ea.b");
    }

    #[test]
    fn an_escaped_name_is_not_taken_for_the_name_itself() {
        assert_ne!(Names::of("so narr"), Names::of("so\\x20narr"));
    }

    #[test]
    fn long_names_fit_and_differ() {
        let one = Names::of(&" ".repeat(200));
        let other = Names::of(&" ".repeat(201));
        assert!(one.preseed.len() <= NAME_LIMIT && one.drop_in.len() <= NAME_LIMIT);
        assert_ne!(one, other);
    }
}
