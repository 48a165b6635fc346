//! The dataset beside the real one in which a restore is prepared.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::dataset::Zfs;
use super::properties::Properties;
use super::{
    admins, aside, brought_back, call, declared, inspect, key, left_over, listing, properties,
    put_aside, receive, room, trial,
};
use crate::mark::{PROPERTY, Stage};
use crate::{Error, Origin, Result, Staged, namespace};

/// See [`crate::Staging::stage`].
pub(super) fn stage(
    zfs: &Zfs<'_>,
    origin: &Origin<'_>,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<Staged> {
    let seen = zfs.seen()?;
    // If something is there since, making it fails.
    let has_begun = match &seen.staging {
        Some(found) if go_on(zfs, origin, found, progress) => true,
        Some(_) => {
            discard(zfs)?;
            false
        }
        None => false,
    };
    let staging = zfs.staging_name();
    let properties = properties_of(zfs, origin, seen.dataset.is_some());
    let made = properties.and_then(|properties| {
        if has_begun {
            set_the_late_ones(&staging, &properties)
        } else {
            make(zfs, origin, &properties, progress)
        }
    });
    // What was seen there is so no more.
    zfs.seen.replace(None);
    if let Err(error) = made {
        return Err(match discard(zfs) {
            Ok(()) => error,
            Err(also) => {
                error.while_doing(&format!("what was staged is left behind ({also}) after"))
            }
        });
    }
    Ok(Staged { name: staging })
}

/// Finishes the receive that `found` is left over from, if it was from the same snapshot. Gives whether it did.
fn go_on(
    zfs: &Zfs<'_>,
    origin: &Origin<'_>,
    found: &Properties,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> bool {
    let Origin::Receive(snapshot) = origin else {
        return false;
    };
    let is_from_it = found
        .local_mark(left_over::UNBOUND)
        .is_some_and(|mark| mark.stage == Stage::Staging && mark.from == snapshot.name);
    let Some(token) = found.value("receive_resume_token").filter(|_| is_from_it) else {
        return false;
    };
    // `zfs send` itself compares the snapshot with the token's. Should the rest not come, all of it may.
    let stall = zfs.service.stall_timeout;
    receive::resume(snapshot, found.dataset(), token, stall, progress).is_ok()
}

/// Sets what ZFS sets only at the end of the receive that it was given to, if that was interrupted.
fn set_the_late_ones(staging: &str, properties: &BTreeMap<String, OsString>) -> Result<()> {
    /// `zfs_ioc_recv_impl()` in OpenZFS's zfs_ioctl.c; shares are not carried over.
    const LATE: [&str; 2] = ["refquota", "keylocation"];
    let late: Vec<OsString> = LATE
        .iter()
        .filter_map(|property| Some(set(property, properties.get(*property)?)))
        .collect();
    if late.is_empty() {
        return Ok(());
    }
    let late: Vec<&OsStr> = late.iter().map(OsString::as_os_str).collect();
    call::zfs(&[&["set".as_ref()], &late[..], &[staging.as_ref()]].concat()).map(drop)
}

/// A property as it is set on a command line.
fn set(property: &str, value: &OsStr) -> OsString {
    let mut set = OsString::from(property);
    set.push("=");
    set.push(value);
    set
}

/// The properties that the staged dataset needs, and those it is to have.
fn properties_of(
    zfs: &Zfs<'_>,
    origin: &Origin<'_>,
    is_there: bool,
) -> Result<BTreeMap<String, OsString>> {
    // Later ones win: at creation, then the admin's, then what is declared, then what staging needs.
    let mut properties: BTreeMap<String, OsString> = declared::AT_CREATION
        .iter()
        .map(|(property, value)| ((*property).to_owned(), (*value).into()))
        .collect();
    if is_there {
        properties.extend(admins::properties(zfs, origin)?);
    }
    if !matches!(origin, Origin::Clone(_))
        && zfs
            .seen()?
            .dataset
            .as_ref()
            .is_some_and(key::has_a_key_of_its_own)
    {
        properties.extend(encryption_of(zfs)?);
    }
    properties.extend(
        declared::of_a_successor(zfs, matches!(origin, Origin::Empty))
            .into_iter()
            .map(|(property, value)| (property, value.into())),
    );
    // Tells ours from a dataset that merely has the name, before its guid is known.
    let from = match origin {
        Origin::Empty => "",
        Origin::Clone(snapshot) | Origin::Receive(snapshot) => &snapshot.name,
    };
    let unbound = left_over::unbound_mark(from);
    let seen = zfs.seen()?.dataset;
    for (property, value) in [
        // It has its place already. With this, nobody mounts it there before it is the one.
        (
            "mountpoint",
            zfs.service.mountpoint.to_string_lossy().into_owned(),
        ),
        ("canmount", "noauto".to_owned()),
        (PROPERTY, unbound),
    ]
    .into_iter()
    .chain(aside::properties(seen.as_ref()))
    {
        properties.insert(property.to_owned(), value.into());
    }
    if zfs.is_drill {
        limit(zfs, origin, &mut properties)?;
    }
    Ok(properties)
}

/// Has a drill take no more than there is room for, and nothing before it needs it.
fn limit(
    zfs: &Zfs<'_>,
    origin: &Origin<'_>,
    properties: &mut BTreeMap<String, OsString>,
) -> Result<()> {
    for reserves in ["reservation", "refreservation"] {
        properties.remove(reserves);
    }
    let refers = match origin {
        Origin::Clone(snapshot) => snapshot.bytes,
        Origin::Empty | Origin::Receive(_) => 0,
    };
    let most = refers.saturating_add(room::beside(zfs)?);
    let own = properties.get("refquota").and_then(|own| own.to_str());
    // What a restore would not get either shows in a drill.
    let own = own.and_then(|own| own.parse().ok()).filter(|own| *own > 0);
    let most = own.map_or(most, |own: u64| own.min(most));
    properties.insert("refquota".to_owned(), most.to_string().into());
    Ok(())
}

/// Makes the staged dataset, unmounted, with these properties.
fn make(
    zfs: &Zfs<'_>,
    origin: &Origin<'_>,
    properties: &BTreeMap<String, OsString>,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<()> {
    let staging = zfs.staging_name();
    let options: Vec<OsString> = properties
        .iter()
        .flat_map(|(property, value)| ["-o".into(), set(property, value)])
        .collect();
    let options: Vec<&OsStr> = options.iter().map(OsString::as_os_str).collect();
    let staged = OsStr::new(&staging);
    match origin {
        Origin::Empty => {
            call::zfs(&[&["create".as_ref()], &options[..], &[staged]].concat()).map(drop)
        }
        Origin::Clone(snapshot) => {
            let names = [snapshot.name.as_ref(), staged];
            call::zfs(&[&["clone".as_ref()], &options[..], &names].concat()).map(drop)
        }
        Origin::Receive(snapshot) => {
            let stall = zfs.service.stall_timeout;
            if receive::receive(snapshot, &staging, &options, stall, progress)? {
                set_the_late_ones(&staging, properties)?;
            }
            Ok(())
        }
    }
}

/// What a dataset must be created with to be encrypted as the real one is, which has a key of its own.
fn encryption_of(zfs: &Zfs<'_>) -> Result<Vec<(String, OsString)>> {
    const ASKED: [&str; 4] = ["encryption", "keyformat", "keylocation", "pbkdf2iters"];
    let asked = ASKED.join(",");
    let told = call::zfs_bytes(&["get", "-H", "-p", "-o", "value", &asked, zfs.name()])?;
    let values = listing::values(&told, &ASKED).ok_or_else(|| {
        Error::new(
            zfs.name(),
            "its keylocation holds a line break",
            "tell ZFS another one with `zfs set keylocation=…`, then start the service again",
        )
    })?;
    let values = values.into_iter().map(OsStr::from_bytes);
    Ok(ASKED
        .into_iter()
        .zip(values)
        // Only a passphrase has any.
        .filter(|(property, value)| !(*property == "pbkdf2iters" && *value == "0"))
        .map(|(property, value)| (property.to_owned(), value.to_owned()))
        .collect())
}

/// Throws the staged dataset away, if there is one. It must carry the mark of an incomplete staging (that of a
/// complete one is swapped in instead), or none and hold nothing.
pub(super) fn discard(zfs: &Zfs<'_>) -> Result<()> {
    let staging = zfs.staging_name();
    let Some(found) = properties::get(&staging)? else {
        return Ok(());
    };
    left_over::must_be_ours(&found)?;
    if brought_back::keep_again(zfs, &found)?.is_some() {
        return Ok(());
    }
    // A clone of it would forbid it.
    let discarded = trial::discard(zfs);
    let destroyed = if discarded.is_err() {
        discarded
    } else if left_over::is_incomplete(&found) {
        // With -r for the one snapshot that a receive brings; staged datasets have no children,
        // and clones of them do not exist. Never -R, never -f.
        call::destroy_own(&["destroy", "-r", &staging])
    } else {
        // Should anything hang on it after all, this refuses.
        call::destroy_own(&["destroy", &staging])
    };
    if let Err(error) = destroyed {
        put_aside::put_aside(zfs, &staging, error)?;
    }
    Ok(())
}

/// Gives `work` the staged dataset as a directory that nobody else sees (see [`crate::Staging::inside`]).
pub(super) fn inside<T: Send>(
    zfs: &Zfs<'_>,
    work: impl FnOnce(&Path) -> Result<T> + Send,
) -> Result<T> {
    let needs = namespace::needs(zfs.service);
    inspect::writable(&zfs.staging_name(), &needs, work)
}
