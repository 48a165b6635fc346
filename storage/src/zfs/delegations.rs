//! What users may do with a dataset (zfs-allow(8)). A clone or a copy has none of it.

use crate::accounts;

use super::call;
use crate::{Error, Result};

/// Gives `to` what is delegated on the dataset `from` itself. What it inherits, `to` inherits as well: it is beside it.
///
/// # Errors
/// When it cannot be told, or cannot be set.
pub(super) fn carry_over(from: &str, to: &str) -> Result<()> {
    let told = call::zfs(&["allow", from])?;
    for options in read(&told, from)? {
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        call::zfs(&[&["allow"], &options[..], &[to]].concat())?;
    }
    Ok(())
}

/// The options of the calls of `zfs allow` that delegate what was told of `dataset`.
fn read(told: &str, dataset: &str) -> Result<Vec<Vec<String>>> {
    let mut calls = Vec::new();
    let mut is_of_it = false;
    let mut section = "";
    for line in told.lines() {
        if let Some(name) = line.strip_prefix("---- Permissions on ") {
            is_of_it = name
                .strip_prefix(dataset)
                .is_some_and(|rest| rest.trim_matches(['-', ' ']).is_empty());
            continue;
        }
        if !is_of_it {
            continue;
        }
        match line.strip_prefix('\t') {
            None => section = line,
            Some(entry) => calls.push(
                options_of(section, entry.trim_end()).ok_or_else(|| unreadable(dataset, line))?,
            ),
        }
    }
    Ok(calls)
}

fn options_of(section: &str, entry: &str) -> Option<Vec<String>> {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let (who, permissions) = entry.rsplit_once(' ').unwrap_or(("", entry));
    let whom = match section {
        "Permission sets:" => return Some(owned(&["-s", who, permissions])),
        "Create time permissions:" => return Some(owned(&["-c", permissions])),
        "Local permissions:" => &["-l"][..],
        "Descendent permissions:" => &["-d"],
        "Local+Descendent permissions:" => &[],
        _ => return None,
    };
    let mut options: Vec<String> = owned(whom);
    match who.split_once(' ') {
        None if who == "everyone" => options.push("-e".to_owned()),
        // By number, since a name may hold what separates names.
        Some(("user", name)) => {
            let found = accounts::user(name).ok().flatten();
            let number = found.map(|user| user.uid.to_string());
            options.extend(["-u".to_owned(), number_of(name, number)]);
        }
        Some(("group", name)) => {
            let found = accounts::group(name).ok().flatten();
            let number = found.map(|group| group.gid.to_string());
            options.extend(["-g".to_owned(), number_of(name, number)]);
        }
        _ => return None,
    }
    options.push(permissions.to_owned());
    Some(options)
}

/// The number of a user or group, who is told as `(unknown: 4711)` if the machine does not know it.
fn number_of(name: &str, found: Option<String>) -> String {
    let unknown = name
        .strip_prefix("(unknown: ")
        .and_then(|rest| rest.strip_suffix(')'));
    found.unwrap_or_else(|| unknown.unwrap_or(name).to_owned())
}

fn unreadable(dataset: &str, line: &str) -> Error {
    Error::internal(
        dataset,
        format!(
            "`zfs allow` told a line that cannot be read: `{}`",
            line.escape_debug()
        ),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_delegated_on_the_dataset_itself_is_read() {
        let told = "---- Permissions on tank/x -------------------------------------------\n\
            Permission sets:\n\t@a hold,send\n\
            Create time permissions:\n\tdestroy\n\
            Local permissions:\n\tgroup (unknown: 4000) snapshot\n\
            Descendent permissions:\n\teveryone mount\n\
            Local+Descendent permissions:\n\tuser (unknown: 4711) @a,userprop\n\tuser no such one send\n\
            ---- Permissions on tank ---------------------------------------------\n\
            Local+Descendent permissions:\n\tuser root send\n";
        let read = read(told, "tank/x").unwrap();
        let lines: Vec<String> = read.iter().map(|options| options.join(" ")).collect();
        assert_eq!(
            lines,
            [
                "-s @a hold,send",
                "-c destroy",
                "-l -g 4000 snapshot",
                "-d -e mount",
                "-u 4711 @a,userprop",
                "-u no such one send",
            ]
        );
        assert!(super::read(told, "tank/xy").unwrap().is_empty());
        let unknown = told.replace("Local permissions", "Other permissions");
        super::read(&unknown, "tank/x").unwrap_err();
    }
}
