//! Sets declared properties, as far as ZFS lets them be set.

use super::last_set::LastSet;
use super::properties::Properties;
use super::wanted::Wanted;
use crate::error::ErrorKind;
use crate::{Applied, Error, Result};

/// What these properties are of all that is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    /// Others may be missing.
    OfSome,
    /// Nothing else is missing that a dataset gets which was just made, and has its data.
    OfANewOne,
}

/// Sets properties, in one call. How the data is stored never keeps it from being used: a pool may lack a feature.
/// `call` has ZFS set what it is given.
pub(super) fn what_can_be(
    properties: &Properties,
    last: Last,
    sets: Vec<Wanted<'_>>,
    applied: &mut Applied,
    call: &dyn Fn(&[&str]) -> Result<()>,
) -> Result<()> {
    let changed = |wanted: &Wanted<'_>| {
        let was = properties.value(wanted.property).unwrap_or("-");
        format!("{} (was {was})", wanted.set())
    };
    let mut noted = LastSet::of(properties);
    let is_whole = last == Last::OfANewOne && noted.is_just_made();
    let Err(refused) = all(&sets, &mut noted, is_whole, call) else {
        applied.changes.extend(sets.iter().map(changed));
        return Ok(());
    };
    // Any other failure says nothing of the property.
    let is_refused = |error: &Error| error.kind() == ErrorKind::PropertyRefused;
    let (needed, wished): (Vec<_>, Vec<_>) = sets.into_iter().partition(Wanted::is_needed);
    if wished.is_empty() || !is_refused(&refused) {
        return Err(refused);
    }
    if !needed.is_empty() {
        all(&needed, &mut noted, false, call)?;
        applied.changes.extend(needed.iter().map(changed));
    }
    for one in wished {
        match all(std::slice::from_ref(&one), &mut noted, false, call) {
            Ok(()) => applied.changes.push(changed(&one)),
            Err(error) if !is_refused(&error) => return Err(error),
            Err(error) => {
                let stays = properties.value(one.property).unwrap_or("-");
                applied.differs.push(format!(
                    "{} stays {stays}, it cannot be {}: {}",
                    one.property,
                    one.value,
                    error.what()
                ));
            }
        }
    }
    Ok(())
}

/// Sets properties, and notes that, in one call; and, if so, that the dataset `is_whole`.
fn all(
    properties: &[Wanted<'_>],
    noted: &mut LastSet,
    is_whole: bool,
    call: &dyn Fn(&[&str]) -> Result<()>,
) -> Result<()> {
    let mut sets: Vec<String> = properties.iter().map(Wanted::set).collect();
    let mut then = noted.clone();
    for wanted in properties.iter().filter(|wanted| !wanted.is_needed()) {
        then.note(wanted.property, &wanted.value);
    }
    if is_whole {
        then = then.with_all();
    }
    if then != *noted {
        sets.push(then.set());
    }
    let args: Vec<&str> = sets.iter().map(String::as_str).collect();
    if let Err(error) = call(&args) {
        // ZFS refuses one property and sets the others: the note may say by now that all are set.
        if then != *noted {
            call(&[&noted.set()])?;
        }
        return Err(error);
    }
    *noted = then;
    Ok(())
}
