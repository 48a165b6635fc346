//! The record in the pool: a property for each service, on a dataset of preseed's own from which nothing inherits.

pub(crate) use super::program::Replacement;
use super::{call, words};
use crate::{Error, Result};

/// The dataset of a pool, without the pool: it is never mounted, holds nothing, and has no children.
pub(crate) const LEAF: &str = "preseed:memory";

/// The longest name of a property, in bytes (zfsprops(7)).
const LONGEST: usize = 255;

/// The dataset in `pool`.
pub(crate) fn dataset(pool: &str) -> String {
    format!("{pool}/{LEAF}")
}

/// The pool of a dataset.
pub(crate) fn pool_of(dataset: &str) -> &str {
    dataset.split('/').next().unwrap_or(dataset)
}

/// The property of a service; `None` if its name is too long for one.
///
/// Properties have lower case letters, digits, `-`, `.`, `:` and `_`: of a service's name, `_` stands as `__`, and `A` as `_a`.
fn property(name: &str) -> Option<String> {
    let mut property = "preseed:memory.".to_owned();
    for c in name.chars() {
        match c {
            '_' => property.push_str("__"),
            'A'..='Z' => property.extend(['_', c.to_ascii_lowercase()]),
            c => property.push(c),
        }
    }
    (property.len() <= LONGEST).then_some(property)
}

/// The line that `pool` remembers of a service; `None` if it remembers nothing.
///
/// # Errors
/// When it cannot be asked.
pub(crate) fn read(pool: &str, name: &str) -> Result<Option<String>> {
    let Some(property) = property(name) else {
        return Ok(None);
    };
    let dataset = dataset(pool);
    let args = ["get", "-H", "-p", "-o", "source,value", &property, &dataset];
    let ended = call::try_zfs(&args)?;
    if words::says_missing(&ended) {
        return Ok(None);
    }
    if !ended.status.success() {
        return Err(call::failed(&args, &ended));
    }
    // One that was received is of another pool; what is set here is local.
    let line = ended.stdout.strip_suffix('\n').unwrap_or(&ended.stdout);
    Ok(match line.split_once('\t') {
        Some(("local", line)) => Some(line.to_owned()),
        _ => None,
    })
}

/// Lets `pool` remember this line of a service if it remembers `same` of it, or nothing; `None` if its name is too long.
/// A dataset that is not as it is made is none: the power may have gone between its making and its properties.
pub(crate) fn replacement(
    pool: &str,
    name: &str,
    same: Option<&str>,
    line: &str,
) -> Option<Replacement> {
    let property = property(name)?;
    Some(Replacement::new(
        &dataset(pool),
        &property,
        same,
        line,
        &ALWAYS,
    ))
}

/// Makes a replacement now. Gives whether the pool remembers it.
pub(crate) fn replace(replacement: Option<&Replacement>) -> bool {
    replacement.is_some_and(|replacement| matches!(replacement.make(), Ok(true)))
}

/// What its dataset is: never mounted, and nothing to snapshot or to send.
const ALWAYS: [(&str, &str); 4] = [
    ("canmount", "off"),
    ("mountpoint", "none"),
    ("com.sun:auto-snapshot", "false"),
    ("syncoid:sync", "false"),
];

/// Lets `pool` remember this line of a service. Gives whether it can: a name may be too long.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(pool: &str, name: &str, line: &str) -> Result<bool> {
    let Some(property) = property(name) else {
        return Ok(false);
    };
    let dataset = dataset(pool);
    // With each of them again: the power may have gone between its making and its properties.
    let always = ALWAYS.map(|(property, value)| format!("{property}={value}"));
    let set = format!("{property}={line}");
    let mut args = vec!["set"];
    args.extend(always.iter().map(String::as_str));
    args.extend([&*set, &*dataset]);
    let ended = call::try_zfs(&args)?;
    if ended.status.success() {
        return Ok(true);
    }
    if !words::says_missing(&ended) {
        return Err(call::failed(&args, &ended));
    }
    let create = [
        "create",
        "-o",
        "canmount=off",
        "-o",
        "mountpoint=none",
        &dataset,
    ];
    let created = call::try_zfs(&create)?;
    // Another service may have been quicker.
    let again = call::try_zfs(&args)?;
    if again.status.success() {
        return Ok(true);
    }
    Err(if created.status.success() {
        call::failed(&args, &again)
    } else {
        call::failed(&create, &created)
    })
}

/// The pools that are imported; none where there is no ZFS.
///
/// # Errors
/// When they cannot be told.
pub(crate) fn pools() -> Result<Vec<String>> {
    if !std::path::Path::new("/sys/module/zfs").exists() {
        return Ok(Vec::new());
    }
    call::pools("zpool")
}

/// Whether a dataset is one in which a pool remembers: it is nobody's data.
pub(crate) fn is_ours(dataset: &str) -> bool {
    dataset
        .split_once('/')
        .is_some_and(|(_, rest)| rest == LEAF)
}

/// The error for a record that cannot be read.
pub(crate) fn unreadable(pool: &str, name: &str, line: &str) -> Error {
    Error::new(
        dataset(pool),
        format!(
            "what it remembers of {name} cannot be read: `{}`",
            line.chars().take(100).collect::<String>().escape_debug()
        ),
        format!("look into it; `preseedctl forget {name}` replaces it"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_services_never_have_one_property() {
        let names = [
            "sonarr", "Sonarr", "_sonarr", "__sonarr", "_Sonarr", "a_b", "a__b", "aB", "a_B",
        ];
        let properties: std::collections::BTreeSet<_> =
            names.iter().map(|name| property(name)).collect();
        assert_eq!(properties.len(), names.len(), "{properties:?}");
        assert_eq!(property(&"x".repeat(241)), None);
    }
}
