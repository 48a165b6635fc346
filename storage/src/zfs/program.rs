//! Channel programs (zfs-program(8)): ZFS runs one as a whole, and nothing else in between.

use std::io::Write as _;

use rustix::fs::{MemfdFlags, memfd_create};

use super::call;
use crate::command::Ended;
use crate::{Error, Result};

/// What is to become of a user property of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// It is set to this.
    Set(&'static str, String),
    /// It is set no more: what is above says what it is.
    Inherit(&'static str),
}

/// Arguments: the dataset; what the program needs besides; the number of the last of these; each property with `=` and its
/// value, or `.` to inherit it; and those of [`REPLACE`], where a line is to be replaced as well.
const BEGIN: &str = r#"
args = ...
argv = args["argv"]
name = argv[1]
last = tonumber(argv[3])
"#;

/// Promotes a clone until no name begins so of which it is one: what it replaced may be a clone itself.
const PROMOTE: &str = r#"
function is_a_clone()
    origin = zfs.get_prop(name, "origin")
    return origin ~= nil and string.sub(origin, 1, string.len(argv[2])) == argv[2]
end
while is_a_clone() do
    if zfs.sync.promote(name) ~= 0 then
        return "not now"
    end
end
"#;

/// Stops where a dataset has a snapshot other than this one.
const NO_SNAPSHOTS: &str = r#"
for snapshot in zfs.list.snapshots(name) do
    if snapshot ~= argv[2] then
        return "not now"
    end
end
"#;

/// Changes user properties.
const CHANGE: &str = r#"
for i = 4, last, 2 do
    status = 0
    if string.sub(argv[i + 1], 1, 1) == "=" then
        status = zfs.sync.set_prop(name, argv[i], string.sub(argv[i + 1], 2))
    else
        status = zfs.sync.inherit(name, argv[i])
    end
    if status ~= 0 then
        return argv[i] .. " (" .. status .. ")"
    end
end
if last < #argv and not replaced(last + 1) then
    return "not replaced"
end
return "done"
"#;

/// Replaces a user property. Arguments: its dataset; the property; the value that it has, empty if none; the new one; then
/// each further property that the dataset must have, and its value.
const REPLACE: &str = r"
function replaced(first)
    dataset, property = argv[first], argv[first + 1]
    if not zfs.exists(dataset) then
        return false
    end
    for i = first + 4, #argv, 2 do
        value, source = zfs.get_prop(dataset, argv[i])
        if value ~= argv[i + 1] or source ~= dataset then
            return false
        end
    end
    value, source = zfs.get_prop(dataset, property)
    if value ~= nil and (value ~= argv[first + 2] or source ~= dataset) then
        return false
    end
    return zfs.sync.set_prop(dataset, property, argv[first + 3]) == 0
end
";

/// A local user property that is replaced if it has the value that is known, or none.
#[derive(Debug, Clone)]
pub(crate) struct Replacement(Vec<String>);

impl Replacement {
    /// Of a property of `dataset`, which must have all of `has`, set on itself.
    pub(super) fn new(
        dataset: &str,
        property: &str,
        known: Option<&str>,
        new: &str,
        has: &[(&str, &str)],
    ) -> Self {
        let has = has.iter().flat_map(|(property, value)| [*property, *value]);
        let words = [dataset, property, known.unwrap_or_default(), new];
        Self(words.into_iter().chain(has).map(str::to_owned).collect())
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Replaces it. Gives whether it was.
    ///
    /// # Errors
    /// When ZFS cannot be asked.
    pub(super) fn make(&self) -> Result<bool> {
        let dataset = self.words().next().unwrap_or_default();
        let made = change_after("", dataset, "", &[], Some(self))?;
        Ok(matches!(made, Made::All))
    }
}

/// What of several changes was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// All of them.
    All,
    /// All, but for the [`Replacement`].
    ButTheReplacement,
    /// None: what must be so before was not.
    Nothing,
}

/// Makes these changes of user properties of a dataset, all in one transaction group.
///
/// # Errors
/// When ZFS refuses one.
pub(super) fn change(dataset: &str, changes: &[Change]) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    change_after("", dataset, "", changes, None).map(drop)
}

/// The same, and then a replacement.
///
/// # Errors
/// When ZFS refuses a change.
pub(super) fn change_and_replace(
    dataset: &str,
    changes: &[Change],
    replacement: Option<&Replacement>,
) -> Result<Made> {
    change_after("", dataset, "", changes, replacement)
}

/// The same once the dataset is no clone any more of one whose name begins like `of`: until then it is promoted.
///
/// # Errors
/// When ZFS refuses a change.
pub(super) fn promote_and_change(
    dataset: &str,
    of: &str,
    changes: &[Change],
    replacement: Option<&Replacement>,
) -> Result<Made> {
    change_after(PROMOTE, dataset, of, changes, replacement)
}

/// The same if the dataset has no snapshot, or only `but`. Gives whether that is so; else nothing is changed.
///
/// # Errors
/// When ZFS refuses a change.
pub(super) fn change_without_snapshots(
    dataset: &str,
    but: &str,
    changes: &[Change],
) -> Result<bool> {
    let made = change_after(NO_SNAPSHOTS, dataset, but, changes, None)?;
    Ok(made != Made::Nothing)
}

/// Makes changes of user properties of a dataset after this part of a program, which needs `argument`, and a replacement
/// in the same pool, all in the same transaction group.
fn change_after(
    before: &str,
    dataset: &str,
    argument: &str,
    changes: &[Change],
    replacement: Option<&Replacement>,
) -> Result<Made> {
    let words = changes.iter().flat_map(|change| match change {
        Change::Set(property, value) => [(*property).to_owned(), format!("={value}")],
        Change::Inherit(property) => [(*property).to_owned(), ".".to_owned()],
    });
    let words: Vec<String> = words.collect();
    let last = (3 + words.len()).to_string();
    let mut arguments = vec![dataset, argument, &last];
    arguments.extend(words.iter().map(String::as_str));
    arguments.extend(replacement.into_iter().flat_map(Replacement::words));
    let program = [BEGIN, before, REPLACE, CHANGE].concat();
    match run(dataset, &[], &program, &arguments)?.as_str() {
        "done" => Ok(Made::All),
        "not replaced" => Ok(Made::ButTheReplacement),
        "not now" => Ok(Made::Nothing),
        refused => Err(Error::new(
            dataset,
            format!(
                "ZFS refused to change its property {}",
                refused.escape_debug()
            ),
            "see `zpool status` and `zfs get all`, then start the service again",
        )),
    }
}

/// Destroys a clone and the snapshot that it is one of, each only if nothing hangs on it and nobody uses it. Arguments: both.
const DESTROY: &str = r#"
args = ...
clone, snapshot = args["argv"][1], args["argv"][2]
if zfs.get_prop(clone, "origin") ~= snapshot or zfs.sync.destroy(clone) ~= 0 or zfs.sync.destroy(snapshot) ~= 0 then
    return "not now"
end
return "done"
"#;

/// Destroys a clone and the snapshot that it is one of, in one transaction group. Gives whether both are gone.
///
/// # Errors
/// When there is no such clone.
pub(super) fn destroy_with_its_origin(clone: &str, snapshot: &str) -> Result<bool> {
    Ok(run(clone, &[], DESTROY, &[clone, snapshot])? == "done")
}

/// Runs a program for a dataset, in its pool, with these options and arguments. Gives what it returns, which must be a
/// text.
///
/// # Errors
/// When it cannot be run, or does not run to its end.
pub(super) fn run(
    dataset: &str,
    options: &[&str],
    program: &str,
    arguments: &[&str],
) -> Result<String> {
    let pool = dataset.split('/').next().unwrap_or(dataset);
    let file = file(program).map_err(|error| {
        Error::new(
            dataset,
            format!("no program for ZFS can be written: {error}"),
            "see that there is memory left, then try again",
        )
        .caused_by(&error)
    })?;
    let args = [&["program"], options, &[pool, "-"], arguments].concat();
    let ended = call::try_zfs_on(&args, file)?;
    match returned(&ended) {
        Some(text) => Ok(text.to_owned()),
        None => Err(call::failed_on(dataset, &ended)),
    }
}

fn file(program: &str) -> std::io::Result<std::fs::File> {
    let mut file = std::fs::File::from(memfd_create("program.lua", MemfdFlags::CLOEXEC)?);
    file.write_all(program.as_bytes())?;
    std::io::Seek::rewind(&mut file)?;
    Ok(file)
}

/// What a program that ran to its end returned; `None` if it did not.
fn returned(ended: &Ended) -> Option<&str> {
    let (_, value) = ended.stdout.split_once("return: '")?;
    let (value, _) = value.rsplit_once('\'')?;
    ended.status.success().then_some(value)
}
