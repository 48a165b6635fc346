//! Datasets that belong to no service: what those of services lie in.

use declaration::settings::Utility;
use declaration::value::DatasetName;

use super::last_set::{self, LastSet};
use super::wanted::{self, Wanted};
use super::{call, create, properties, set, version};
use crate::compared::State;
use crate::{Applied, Error, Result};

/// Makes the dataset, with what is missing above it, or sets what is declared and differs. `also_by_hand`: also what
/// somebody changed since it was set.
///
/// # Errors
/// When it cannot be made, or looked at.
pub(crate) fn apply(utility: &Utility, also_by_hand: bool, applied: &mut Applied) -> Result<()> {
    let name = utility.dataset.as_str();
    let declared: Vec<Wanted<'_>> = wanted::of_properties(&utility.properties).collect();
    let names = utility.properties.keys().map(String::as_str);
    let is_known = |name: &str| version::is_known(&utility.dataset, name);
    let (known, unknown): (Vec<&str>, Vec<&str>) = names.partition(|name| is_known(name));
    let look = || {
        let [found] = properties::get_more_with_children([name], &known)?;
        Ok(found)
    };
    let Some(found) = call::in_its_pool(name, look)? else {
        if let Some(property) = unknown.first() {
            return Err(version::unknown_here(name, property));
        }
        return make(&utility.dataset, &declared, applied);
    };
    if found.value("type") != Some("filesystem") {
        return Err(Error::new(
            name,
            "a volume of that name is in the way",
            format!("rename it with `zfs rename {name} …`, or declare another `name`"),
        ));
    }
    let noted = LastSet::of(&found);
    let mut sets = Vec::new();
    for wanted in declared {
        let is = found.value(wanted.property).unwrap_or("-");
        let is_known = is_known(wanted.property);
        let why = match wanted::state(&wanted, &found, &noted, is_known) {
            State::Same | State::OnlyOwn => continue,
            State::ByHand if !also_by_hand => {
                let name = utility.name.as_str();
                format!(
                    "somebody changed it since it was set: `preseedctl apply {name}` sets it again"
                )
            }
            State::Differs | State::ByHand => {
                sets.push(wanted);
                continue;
            }
            State::OfCreation => "it can be chosen only when a dataset is made".to_owned(),
            State::Unknown => "the ZFS of this machine does not know it".to_owned(),
        };
        let (property, value) = (wanted.property, &wanted.value);
        let differs = format!("{property} is {is}, and {value} is declared: {why}");
        applied.differs.push(differs);
    }
    if sets.is_empty() {
        return Ok(());
    }
    set::what_can_be(&found, set::Last::OfSome, sets, applied, &|args| {
        call::zfs(&[&["set"], args, &[name]].concat()).map(drop)
    })
}

/// Makes it, with all that is declared, in one call.
fn make(dataset: &DatasetName, declared: &[Wanted<'_>], applied: &mut Applied) -> Result<()> {
    if let Some(parent) = dataset.parent() {
        create::create_parents(&parent, &mut applied.changes)?;
    }
    let mut noted = LastSet::default();
    let mut args = vec!["create".to_owned()];
    let container = create::CONTAINER.map(ToOwned::to_owned);
    for set in container
        .into_iter()
        .chain(declared.iter().map(Wanted::set))
    {
        args.extend(["-o".to_owned(), set]);
    }
    for wanted in declared {
        noted.note(wanted.property, &wanted.value);
    }
    let note = format!("{}={}", last_set::PROPERTY, noted.value());
    args.extend(["-o".to_owned(), note, dataset.as_str().to_owned()]);
    call::zfs(&args)?;
    applied.changes.push(format!("created {dataset}"));
    Ok(())
}
