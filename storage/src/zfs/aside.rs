//! What keeps other tools' hands off a dataset that is not in its place: staged, or kept after a restore replaced it.
//!
//! zfs-mount-generator(8) does not mount it, zfs-auto-snapshot takes no snapshots of it, and syncoid does not send it.
//! What an admin had set of these is noted, and is set again on what takes the place.

use super::call;
use super::kinds::IGNORED;
use super::packed::{pack, unpack};
use super::program::Change;
use super::properties::Properties;
use super::words;
use crate::Result;

/// What tools read of a dataset that an admin may have set as well, and what is set while it is aside.
const READ_BY_TOOLS: [(&str, &str); 2] = [
    ("com.sun:auto-snapshot", "false"),
    ("syncoid:sync", "false"),
];

/// What is set by preseed as well, and put back at the end: whether it is mounted by itself, and how it is shared.
const PUT_BACK_LAST: [&str; 3] = ["canmount", "sharenfs", "sharesmb"];

/// What an admin had set of these: a word for each, `-` or `=` and the value.
const NOTED: &str = "preseed:aside";

/// The properties that a dataset has while it is aside. `real` is the one in the place, if there is one. Where a run was
/// interrupted, that has a note already, and no longer what was noted.
pub(super) fn properties(real: Option<&Properties>) -> Vec<(&'static str, String)> {
    let note = real.and_then(noted).map(str::to_owned);
    let note = note.unwrap_or_else(|| note_of(real));
    let mut properties: Vec<(&str, String)> = READ_BY_TOOLS
        .iter()
        .map(|(property, value)| (*property, (*value).to_owned()))
        .collect();
    properties.push((IGNORED, "on".to_owned()));
    properties.push((NOTED, note));
    properties
}

/// What an admin had set, as it is noted.
fn note_of(real: Option<&Properties>) -> String {
    let read_by_tools = READ_BY_TOOLS.iter().map(|(property, _)| *property);
    let words: Vec<String> = read_by_tools
        .chain(PUT_BACK_LAST)
        .map(|property| {
            let set = real.filter(|real| real.is_given(property));
            set.and_then(|real| real.value(property))
                .map_or_else(|| "-".to_owned(), |value| format!("={}", pack(value)))
        })
        .collect();
    words.join(" ")
}

/// What gives a dataset in its place what an admin had set of what tools read, and takes the note of that; `properties`
/// are those it has, or had while it was aside. It goes last: what was noted is read until then.
pub(super) fn changes_back(properties: &Properties) -> Vec<Change> {
    let mut changes = vec![Change::Inherit(IGNORED)];
    let Some(noted) = noted(properties) else {
        return changes;
    };
    let words = noted.split(' ');
    changes.extend(
        READ_BY_TOOLS
            .iter()
            .zip(words)
            .map(|((property, _), word)| match word.strip_prefix('=') {
                Some(value) => Change::Set(property, unpack(value)),
                None => Change::Inherit(property),
            }),
    );
    changes.push(Change::Inherit(NOTED));
    changes
}

/// Whether a dataset in its place is mounted by itself: as an admin had set it, or `on`. Whoever may set user properties
/// could have noted anything.
pub(super) fn canmount(properties: &Properties) -> &'static str {
    match last(properties, "canmount").as_deref() {
        Some("noauto") => "noauto",
        _ => "on",
    }
}

/// Whether it is noted that an admin had shared the dataset.
pub(super) fn was_shared(properties: &Properties) -> bool {
    SHARES
        .iter()
        .any(|property| last(properties, property).is_some())
}

/// How a dataset is shared.
const SHARES: [&str; 2] = ["sharenfs", "sharesmb"];

/// Shares a dataset that is mounted in its place as an admin has shared what it `replaced`, and as it inherits it. That no
/// server runs which could share it keeps no service down, once ZFS knows what is to be shared.
///
/// How that is shared is asked of itself: whoever may set user properties could have noted anything, and an admin may have
/// changed it since it was noted.
pub(super) fn share(
    dataset: &str,
    properties: &Properties,
    replaced: Option<&Properties>,
) -> Result<()> {
    for property in SHARES {
        let given = replaced.filter(|replaced| replaced.is_given(property));
        let Some(value) = given.and_then(|replaced| replaced.value(property)) else {
            continue;
        };
        let args = ["set", &format!("{property}={value}"), dataset];
        let ended = call::try_zfs(&args)?;
        if ended.status.success() {
            continue;
        }
        let set = call::zfs(&["get", "-H", "-p", "-o", "value", property, dataset])?;
        if set.strip_suffix('\n') != Some(value) {
            return Err(call::failed(&args, &ended));
        }
    }
    share_again(dataset, properties)
}

/// Shares a dataset that has been mounted, if it is to be shared. (Setting a property does that as well.)
pub(super) fn share_again(dataset: &str, properties: &Properties) -> Result<()> {
    if is_shared(properties) {
        call::try_zfs(&["share", dataset])?;
    }
    Ok(())
}

/// Shares a dataset no more, so that it can be unmounted and nobody is served what is kept. Gives who may still have it, in
/// words; `None` if nobody has.
pub(super) fn unshare(dataset: &str, properties: &Properties) -> Result<Option<String>> {
    if !is_shared(properties) {
        return Ok(None);
    }
    let ended = call::try_zfs(&["unshare", dataset])?;
    // Where no server runs that could share it, it is not shared.
    if ended.status.success() || words::says_not_shared(&ended) {
        return Ok(None);
    }
    Ok(Some(format!(
        "whomever it is shared with (`zfs unshare`: {})",
        ended.stderr.escape_debug()
    )))
}

fn is_shared(properties: &Properties) -> bool {
    SHARES
        .iter()
        .filter_map(|property| properties.value(property))
        .any(|value| value != "off")
}

/// What an admin had set of what is put back last.
fn last(properties: &Properties, property: &str) -> Option<String> {
    let place = PUT_BACK_LAST.iter().position(|last| *last == property)?;
    let mut words = noted(properties)?.split(' ').skip(READ_BY_TOOLS.len());
    words.nth(place)?.strip_prefix('=').map(unpack)
}

fn noted(properties: &Properties) -> Option<&str> {
    properties
        .value(NOTED)
        .filter(|_| properties.is_local(NOTED))
}
