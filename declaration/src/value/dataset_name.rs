use std::str::FromStr;

use super::invalid::Invalid;
use super::types::DatasetName;
use super::written::Value;
use crate::quote::quoted;

/// `ZFS_MAX_DATASET_NAME_LEN` without its terminating NUL.
pub(crate) const LONGEST: usize = 255;

/// `zfs_max_dataset_nesting`: how many `/` a name may hold.
const DEEPEST: usize = 50;

/// The longest pool name: room is left for the pool's own hidden `$ORIGIN@$ORIGIN`.
const LONGEST_POOL: usize = 239;

impl DatasetName {
    /// The dataset it lies in, e.g. `tank/services` of `tank/services/sonarr`; `None` for a pool.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (parent, _) = self.0.rsplit_once('/')?;
        Some(Self(parent.to_owned()))
    }

    /// The last component, e.g. `sonarr` of `tank/services/sonarr`.
    #[must_use]
    pub fn last(&self) -> &str {
        self.0
            .rsplit_once('/')
            .map_or(self.0.as_str(), |(_, last)| last)
    }

    /// The pool, e.g. `tank` of `tank/services/sonarr`.
    #[must_use]
    pub fn pool(&self) -> &str {
        self.0
            .split_once('/')
            .map_or(self.0.as_str(), |(pool, _)| pool)
    }

    /// Whether `other` is this dataset, or lies in it at any depth.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        other
            .0
            .strip_prefix(&self.0)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The child `name` of this dataset.
    ///
    /// # Errors
    /// If the child's name is not a valid dataset name.
    pub fn child(&self, name: &str) -> Result<Self, Invalid> {
        format!("{}/{name}", self.0).parse()
    }
}

/// The rules are `zfs_namecheck.c`'s and, for pools, `zpool_name_valid`'s.
impl FromStr for DatasetName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let pool = text.split('/').next().unwrap_or_default();
        let fault = fault_of_text(text)
            .or_else(|| fault_of_components(text))
            .or_else(|| fault_of_pool(pool));
        match fault {
            None => Ok(Self(text.to_owned())),
            Some((why, help)) => Err(Invalid::new(
                format!("dataset name {} {why}", quoted(text)),
                help,
            )),
        }
    }
}

/// What is wrong with a name, and what to do.
type Fault = (String, &'static str);

/// What is wrong with the name as a text: how it begins, its length, its characters.
fn fault_of_text(text: &str) -> Option<Fault> {
    if text.is_empty() {
        return Some(("is empty".into(), "write it in full, e.g. tank/services"));
    }
    if text.starts_with('/') {
        return Some((
            "begins with `/`".into(),
            "write a dataset, e.g. tank/services, not a path",
        ));
    }
    if text.len() > LONGEST {
        return Some((
            format!("is {} bytes long", text.len()),
            "ZFS allows 255: choose shorter names",
        ));
    }
    let character = text.chars().find(|c| !is_valid(*c) && *c != '/')?;
    let help = match character {
        '@' => "name the dataset itself, without a snapshot",
        '#' => "name the dataset itself, without a bookmark",
        _ => "ZFS allows ASCII letters, digits, spaces and `-`, `_`, `.`, `:`",
    };
    Some((
        format!("holds {}", quoted(character.encode_utf8(&mut [0; 4]))),
        help,
    ))
}

/// What is wrong with what lies between the `/`, or with how many there are.
fn fault_of_components(text: &str) -> Option<Fault> {
    for component in text.split('/') {
        match component {
            "" if text.ends_with('/') => {
                return Some(("ends with `/`".into(), "remove the last `/`"));
            }
            "" => return Some(("holds `//`".into(), "remove one `/`")),
            "." | ".." => {
                return Some((
                    format!("holds the component `{component}`"),
                    "write the name in full",
                ));
            }
            _ => {}
        }
    }
    (text.matches('/').count() >= DEEPEST).then(|| {
        (
            format!("is {DEEPEST} or more levels deep"),
            "choose a place higher up",
        )
    })
}

/// What is wrong with the name's first component.
fn fault_of_pool(pool: &str) -> Option<Fault> {
    if !pool.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Some((
            format!("begins with the pool name {}", quoted(pool)),
            "a pool's name begins with a letter: write the name in full, from the pool on",
        ));
    }
    let reserved = ["mirror", "raidz", "draid", "spare"];
    if pool == "log" || reserved.iter().any(|word| pool.starts_with(word)) {
        return Some((
            format!("begins with {}, which ZFS keeps for itself", quoted(pool)),
            "write the name in full, from the pool on, as `zpool list` shows it",
        ));
    }
    (pool.len() > LONGEST_POOL).then(|| {
        (
            "begins with a pool name longer than 239 bytes".into(),
            "take the pool as `zpool list` shows it",
        )
    })
}

fn is_valid(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | ':' | ' ')
}

impl Value for DatasetName {
    const EXAMPLE: &'static str = "\"tank/services/sonarr\"";
}

#[cfg(test)]
mod tests {
    #![allow(clippy::too_many_lines, reason = "tables of cases")]

    use super::super::check::{refuses, takes};
    use super::*;

    #[test]
    fn dataset_names() {
        let long_pool = "p".repeat(239);
        let long = format!("tank/{}", "x".repeat(250));
        let deep = format!("tank{}", "/x".repeat(49));
        takes::<DatasetName>(&[
            "tank",
            "tank/services/sonarr",
            "rpool/safe/persist",
            "c0ffee/x",
            "t/a b",
            "t/a:b_c.d-e",
            "t/...",
            &long_pool,
            &long,
            &deep,
        ]);
        let too_long = format!("tank/{}", "x".repeat(251));
        let too_deep = format!("tank{}", "/x".repeat(50));
        let pool_too_long = "p".repeat(240);
        refuses::<DatasetName>(&[
            (
                "",
                "dataset name `` is empty: write it in full, e.g. tank/services",
            ),
            (
                "/tank",
                "dataset name `/tank` begins with `/`: write a dataset, e.g. tank/services, not a path",
            ),
            (
                "tank/",
                "dataset name `tank/` ends with `/`: remove the last `/`",
            ),
            (
                "tank//x",
                "dataset name `tank//x` holds `//`: remove one `/`",
            ),
            (
                "tank/./x",
                "dataset name `tank/./x` holds the component `.`: write the name in full",
            ),
            (
                "tank/..",
                "dataset name `tank/..` holds the component `..`: write the name in full",
            ),
            (
                "tank/x@y",
                "dataset name `tank/x@y` holds `@`: name the dataset itself, without a snapshot",
            ),
            (
                "tank/x#y",
                "dataset name `tank/x#y` holds `#`: name the dataset itself, without a bookmark",
            ),
            (
                "tank/%i",
                "dataset name `tank/%i` holds `%`: ZFS allows ASCII letters, digits, spaces and `-`, `_`, `.`, `:`",
            ),
            (
                "tank/f\u{fc}r",
                "dataset name `tank/f\u{fc}r` holds `\u{fc}`: ZFS allows ASCII letters, digits, spaces and `-`, `_`, `.`, `:`",
            ),
            (
                "tank/x\ny",
                r"dataset name `tank/x\ny` holds `\n`: ZFS allows ASCII letters, digits, spaces and `-`, `_`, `.`, `:`",
            ),
            (
                "1tank/x",
                "dataset name `1tank/x` begins with the pool name `1tank`: a pool's name begins with a letter: write the name in full, from the pool on",
            ),
            (
                "mirror2/x",
                "dataset name `mirror2/x` begins with `mirror2`, which ZFS keeps for itself: write the name in full, from the pool on, as `zpool list` shows it",
            ),
            (
                "log/x",
                "dataset name `log/x` begins with `log`, which ZFS keeps for itself: write the name in full, from the pool on, as `zpool list` shows it",
            ),
            (
                &too_long,
                &format!(
                    "dataset name `{}…` is 256 bytes long: ZFS allows 255: choose shorter names",
                    &too_long[..80]
                ),
            ),
            (
                &too_deep,
                &format!(
                    "dataset name `{}…` is 50 or more levels deep: choose a place higher up",
                    &too_deep[..80]
                ),
            ),
            (
                &pool_too_long,
                &format!(
                    "dataset name `{}…` begins with a pool name longer than 239 bytes: take the pool as `zpool list` shows it",
                    &pool_too_long[..80]
                ),
            ),
        ]);
        takes::<DatasetName>(&["logs/x", "tank/mirror"]);
    }

    #[test]
    fn relations() {
        let name = DatasetName("tank/services/sonarr".to_owned());
        assert_eq!(
            name.parent().as_ref().map(DatasetName::as_str),
            Some("tank/services")
        );
        assert_eq!((name.last(), name.pool()), ("sonarr", "tank"));
        let pool = DatasetName("tank".to_owned());
        assert_eq!(
            (pool.parent(), pool.last(), pool.pool()),
            (None, "tank", "tank")
        );
        assert!(pool.holds(&name) && name.holds(&name) && !name.holds(&pool));
        assert!(!DatasetName("tank/serv".to_owned()).holds(&name));
        assert!(name.child("a@b").is_err());
    }
}
