//! `replicas`: which replicas the tier `snapshot` asks.

use crate::given::{At, Given};
use crate::quote::quoted;
use crate::validation::{Validation, duplicate};
use crate::value::{DatasetName, SharedName};

/// Where snapshots of a service's dataset are replicated to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// Its name in `preseed.toml`.
    pub name: String,
    /// The machine it is on; `None`: a pool of this machine.
    pub host: Option<String>,
    /// The dataset that holds the replicas there.
    pub parent: DatasetName,
    /// The service's dataset there: `parent` and the last component of the service's own dataset.
    pub dataset: DatasetName,
}

/// The replicas to ask. `wanted`: whether anything asks them.
pub(super) fn replicas(
    validation: &mut Validation<'_>,
    given: Given<Vec<At<SharedName>>>,
    wanted: bool,
    dataset: Option<&At<DatasetName>>,
) -> Option<Vec<Replica>> {
    let host = validation.host;
    let names = match given {
        Given::Unreadable => return None,
        Given::Value(at) => at.value,
        Given::No => {
            let names = host.replicas.iter().map(|replica| replica.name.clone());
            let all = names.map(|name| At::default(SharedName(name)));
            all.take_while(|_| wanted).collect()
        }
    };
    if let Some(twice) = duplicate(&names) {
        let (location, what) = (
            twice.location,
            format!("replica {} is named twice", quoted(&twice.value.0)),
        );
        validation.note(location, what, "remove one of them");
    }
    let mut replicas = Vec::with_capacity(names.len());
    for name in names {
        let Some(found) = validation.resolve(&host.replicas, "replica", &name) else {
            continue;
        };
        let Some(dataset) = dataset.filter(|_| wanted) else {
            continue;
        };
        let Some(copy) =
            validation.ok_or_note(name.location, found.parent.child(dataset.value.last()))
        else {
            continue;
        };
        if found.host.is_none() && dataset.value.holds(&copy) {
            note_itself(validation, &name, &dataset.value, &copy);
            continue;
        }
        replicas.push(Replica {
            name: name.value.0,
            host: found.host.clone(),
            parent: found.parent.clone(),
            dataset: copy,
        });
    }
    Some(replicas)
}

/// Takes note of a replica that would be the service's own dataset, or hold it.
fn note_itself(
    validation: &mut Validation<'_>,
    name: &At<SharedName>,
    dataset: &DatasetName,
    copy: &DatasetName,
) {
    let SharedName(replica) = &name.value;
    validation.note(
        name.location,
        format!(
            "replica {} of {} would be {}",
            quoted(replica),
            quoted(dataset.as_str()),
            quoted(copy.as_str())
        ),
        format!("let `parent` of [replica.{replica}] name where the copies are"),
    );
}
