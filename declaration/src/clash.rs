//! What two services cannot both have: each involved is broken, and names the other.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use crate::place::Place;
use crate::problem::Problem;
use crate::quote::quoted;
use crate::service::Declared;

/// A service by its index, and the place of what it claims.
type Claimant = (usize, Place);

/// Finds what is claimed more than once, and notes it in each of the services.
pub(crate) fn find(declared: &mut [Declared]) {
    let mut clashes = Clashes {
        declared,
        found: Vec::new(),
    };
    clashes.twice(
        |service| {
            service
                .claims
                .mountpoint
                .iter()
                .map(|at| (at.value.as_path(), at.place))
        },
        |path| format!("mountpoint {}", quoted(&path.to_string_lossy())),
        "give each service a mountpoint of its own",
    );
    clashes.twice(
        |service| {
            service
                .claims
                .dataset
                .iter()
                .map(|at| (at.value.as_str(), at.place))
        },
        |name| format!("dataset {}", quoted(name)),
        "give each service a dataset of its own",
    );
    clashes.twice(
        |service| {
            service
                .claims
                .units
                .iter()
                .map(|at| (at.value.as_str(), at.place))
        },
        |unit| format!("unit {}", quoted(unit)),
        "name it in one of both",
    );
    clashes.twice(
        |service| {
            let replicas = service.claims.replicas.iter();
            replicas.map(|at| {
                (
                    (at.value.host.as_deref(), at.value.dataset.as_str()),
                    at.place,
                )
            })
        },
        |(host, dataset)| match host {
            None => format!("replica {}", quoted(dataset)),
            Some(host) => format!("replica {} on {}", quoted(dataset), quoted(host)),
        },
        "let the last parts of their dataset names differ, or take different replicas",
    );
    clashes.nested_datasets();
    let Clashes { found, .. } = clashes;
    for (index, problem) in found {
        declared[index].service = None;
        declared[index].problems.push(problem);
    }
}

struct Clashes<'a> {
    declared: &'a [Declared],
    found: Vec<(usize, Problem)>,
}

impl<'a> Clashes<'a> {
    /// Notes a problem of `by`, that names `other`.
    fn note(&mut self, by: Claimant, what: &str, other: Claimant, cure: &str) {
        let (own, others) = (&self.declared[by.0], &self.declared[other.0]);
        let problem = Problem {
            file: own.source.clone(),
            line: by.1.line,
            column: by.1.column,
            what: format!(
                "{what} {} ({}:{})",
                quoted(&others.name),
                others.source.display(),
                other.1
            ),
            cure: cure.to_owned(),
        };
        self.found.push((by.0, problem));
    }

    /// Finds what is the same in two services. Of many, each names the first, the first the second.
    fn twice<K: Copy + Eq + Hash, I: Iterator<Item = (K, Place)>>(
        &mut self,
        claims: impl Fn(&'a Declared) -> I,
        what: impl Fn(K) -> String,
        cure: &str,
    ) {
        let mut first: HashMap<K, (Claimant, bool)> = HashMap::with_capacity(self.declared.len());
        for (index, service) in self.declared.iter().enumerate() {
            for (key, place) in claims(service) {
                let by = (index, place);
                let mut entry = match first.entry(key) {
                    Entry::Vacant(entry) => {
                        entry.insert((by, false));
                        continue;
                    }
                    Entry::Occupied(entry) => entry,
                };
                let (other, is_told) = *entry.get();
                // Twice in one file is that file's own problem.
                if other.0 == index {
                    continue;
                }
                let what = format!("{} is also that of", what(key));
                self.note(by, &what, other, cure);
                if !is_told {
                    self.note(other, &what, by, cure);
                    entry.get_mut().1 = true;
                }
            }
        }
    }

    /// Finds datasets that lie in another service's.
    fn nested_datasets(&mut self) {
        const CURE: &str = "move one of them: a restore replaces a dataset with all that is in it";
        let claims = self
            .declared
            .iter()
            .enumerate()
            .filter_map(|(index, service)| {
                let at = service.claims.dataset.as_ref()?;
                Some((at.value.as_str(), (index, at.place)))
            });
        let claims: Vec<(&str, Claimant)> = claims.collect();
        let by_name: HashMap<&str, Claimant> = claims.iter().copied().collect();
        for (name, inner) in claims {
            let mut above = name;
            while let Some((parent, _)) = above.rsplit_once('/') {
                above = parent;
                if let Some(outer) = by_name.get(above) {
                    self.note(
                        inner,
                        &format!("dataset {} lies in that of", quoted(name)),
                        *outer,
                        CURE,
                    );
                    self.note(
                        *outer,
                        &format!("dataset {} holds that of", quoted(above)),
                        inner,
                        CURE,
                    );
                }
            }
        }
    }
}
