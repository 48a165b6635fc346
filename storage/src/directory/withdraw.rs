//! Takes the bind mounts of a directory down before it is swapped, or puts them back.
//!
//! A bind mount shows the directory that it was made of, under whatever name that has later: it would go on showing what
//! is kept.

use std::collections::BTreeSet;
use std::path::Path;

use declaration::settings::Service;

use crate::binds::{self, Bind};
use crate::holders::{self, Data};
use crate::mountinfo::{self, Mount};
use crate::unmount::unmount;
use crate::{Error, ErrorKind, Result, namespaces, shown, users};

/// Takes down what the whole machine sees of the directory elsewhere; `successor` takes its place.
/// Gives who still has it mounted, in words.
///
/// # Errors
/// When somebody needs it where it is. Then all is as it was.
pub(super) fn withdraw(service: &Service, successor: &Path) -> Result<Option<String>> {
    let path = &service.mountpoint;
    let data = holders::of_directory(path)?;
    let before = mountinfo::own()?;
    let binds = binds::of(&before, &data, path)?;
    binds::must_fit(&binds, successor)?;
    binds::note(service, &binds)?;
    take_down(&data, &before, &binds)
        .and_then(|()| who_is_left(service, &data, &before))
        .map_err(|error| put_back(service, error))
}

/// Makes all as it was before, since this error kept it from being swapped. Gives what is to be told.
pub(super) fn put_back(service: &Service, error: Error) -> Error {
    match binds::put_back(service) {
        Ok(_) => error,
        Err(also) => error.while_doing(&format!("not all is mounted as it was ({also}) after")),
    }
}

fn take_down(data: &Data<'_>, before: &[Mount], binds: &[Bind]) -> Result<()> {
    for Bind { point, .. } in binds.iter().rev() {
        unmount(point, data, |held| {
            nobody_must_write(data, before, point)?;
            // Who stands there can write nothing more through this mount. The kernel refuses it while a file is open for
            // writing through it, even a deleted one: that one is not shut out.
            let _ = held.make_read_only();
            Ok(())
        })?;
    }
    Ok(())
}

/// A reader does not keep a service down, nor does a shell that stands there; who writes would write into what is kept.
fn nobody_must_write(data: &Data<'_>, before: &[Mount], point: &Path) -> Result<()> {
    let shows = before.iter().filter(|mount| data.is_shown_by(mount));
    let mounts: BTreeSet<u64> = shows.map(|mount| mount.id).collect();
    let using = users::users(&mounts, &[])?;
    let Some(first) = using.iter().find(|user| user.writes) else {
        return Ok(());
    };
    Err(Error::new(
        shown(point),
        format!(
            "it cannot be replaced: {} has files open for writing in it",
            first.owner.in_words()
        ),
        format!("{}, then start the service again", first.owner.end()),
    )
    .of_kind(ErrorKind::Busy))
}

fn who_is_left(service: &Service, data: &Data<'_>, before: &[Mount]) -> Result<Option<String>> {
    let machine = namespaces::look()?;
    let holders = holders::of(&machine, data, before, service);
    holders::must_not_write(&shown(&service.mountpoint), &holders, &machine)?;
    Ok((!holders.is_empty()).then(|| holders::in_words(&holders)))
}
