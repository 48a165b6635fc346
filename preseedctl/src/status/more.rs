//! What is looked at of a service only where a page of it is printed.

use declaration::settings::{Host, Service};
use storage::replaced::{self, Replaced};
use storage::{Result, drift, policy_snapshots};

/// What is held, kept and otherwise than declared.
#[derive(Debug)]
pub(crate) struct More {
    /// Each snapshot that somebody holds, and the tag; ours or another's.
    pub(crate) held: Vec<(String, String)>,
    pub(crate) kept: Vec<Kept>,
    /// Each key that is otherwise than declared, in words.
    pub(crate) differs: Vec<String>,
    /// What could not be looked at, in words.
    pub(crate) errors: Vec<String>,
}

/// What a restore replaced, and the part that it was.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) replaced: Replaced,
    /// When it goes by itself.
    pub(crate) due: replaced::Due,
}

impl More {
    /// Looks at a service.
    pub(crate) fn of(host: &Host, service: &Service) -> Self {
        let mut errors = Vec::new();
        let mut held = Vec::new();
        let parts: Vec<Service> = service.parts().cloned().collect();
        for dataset in parts.iter().filter_map(|part| part.storage.dataset()) {
            match policy_snapshots::holders(dataset.name.as_str()) {
                Ok(holders) => held.extend(holders),
                // That it is gone is told as such.
                Err(error) if error.kind() == storage::ErrorKind::Gone => {}
                Err(error) => errors.push(error.to_string()),
            }
        }
        let listing = replaced::list(&parts);
        errors.extend(listing.errors.iter().map(ToString::to_string));
        let kept = listing.replaced.into_iter().filter_map(|replaced| {
            let due = replaced.due(Some(replaced.service(&parts)?));
            Some(Kept { replaced, due })
        });
        let kept = kept.collect();
        let differs = differs(host, service).unwrap_or_else(|error| {
            errors.push(error.to_string());
            Vec::new()
        });
        errors.sort();
        errors.dedup();
        Self {
            held,
            kept,
            differs,
            errors,
        }
    }
}

fn differs(host: &Host, service: &Service) -> Result<Vec<String>> {
    let listing = drift::compare(host, Some(service.name.as_str()))?;
    let mut differs = Vec::new();
    for (part, compared) in listing.compared {
        // One that cannot be looked at is told as such.
        let Ok(compared) = compared else { continue };
        differs.extend(compared.differing().map(|key| {
            format!(
                "{part}: {} is {}, declared is {}",
                key.key, key.actual, key.declared
            )
        }));
    }
    Ok(differs)
}
