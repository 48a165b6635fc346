//! What two services cannot both have: each involved is broken, and names the other.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use crate::location::Location;
use crate::problem::Problem;
use crate::quote::quoted;
use crate::service_file::{Number, ServiceFile};

/// A service by its index, and the location of what it claims.
type Claimant = (usize, Location);

/// Finds what is claimed more than once, and notes it in each of the services.
///
/// A service that is broken already takes nobody with it: it is told, the other is not.
pub(crate) fn find(declared: &mut [ServiceFile]) {
    // The sound ones first, so that each of them meets the others.
    let mut order: Vec<usize> = (0..declared.len()).collect();
    order.sort_by_key(|index| !declared[*index].is_sound());
    let mut clashes = Clashes {
        declared,
        order,
        found: Vec::new(),
    };
    clashes.twice(
        ServiceFile::part_names,
        |name| format!("the name {}, of a service or a place,", quoted(name)),
        "rename the service or the place",
    );
    clashes.twice(
        ServiceFile::mountpoints,
        |path| format!("mountpoint {}", quoted(&path.to_string_lossy())),
        "give each service a mountpoint of its own",
    );
    clashes.twice(
        ServiceFile::units,
        |unit| format!("unit {}", quoted(unit)),
        "name it in one of both",
    );
    clashes.twice(
        ServiceFile::datasets,
        |name| format!("dataset {}", quoted(name)),
        "give each service a dataset of its own",
    );
    clashes.nested(
        ServiceFile::datasets,
        "dataset",
        "move one of them: a restore replaces a dataset with all that is in it",
    );
    clashes.nested(
        |declared| {
            let points = declared.mountpoints();
            points.filter_map(|(path, location)| Some((path.to_str()?, location)))
        },
        "mountpoint",
        "move one of them: a restore replaces a directory with all that is in it",
    );
    clashes.numbers();
    // One dataset has one replica: that is no problem of its own.
    let known: HashSet<usize> = clashes.found.iter().map(|(index, _)| *index).collect();
    clashes.order.retain(|index| !known.contains(index));
    clashes.twice(
        ServiceFile::replicas,
        |(host, dataset)| match host {
            None => format!("replica {}", quoted(dataset)),
            Some(host) => format!("replica {} on {}", quoted(dataset), quoted(host)),
        },
        "let the last parts of their dataset names differ, or take different replicas",
    );
    for (index, problem) in clashes.found {
        declared[index].problems.push(problem);
    }
}

struct Clashes<'a> {
    declared: &'a [ServiceFile],
    /// The services to look at, in this order.
    order: Vec<usize>,
    found: Vec<(usize, Problem)>,
}

impl<'a> Clashes<'a> {
    /// Notes a problem of `by`, that names `other`. Whether it did: a broken service is no problem
    /// of a sound one.
    fn note(&mut self, by: Claimant, what: &str, other: Claimant, help: &str) -> bool {
        let (own, others) = (&self.declared[by.0], &self.declared[other.0]);
        if own.is_sound() && !others.is_sound() {
            return false;
        }
        let what = format!(
            "{what} {} ({}:{})",
            quoted(others.name()),
            others.files().of(other.1).display(),
            other.1
        );
        let problem = own.files().problem(by.1, what, help.to_owned());
        self.found.push((by.0, problem));
        true
    }

    /// Finds what is the same in two services. Of many, each names the first, the first the second.
    fn twice<K: Copy + Eq + Hash, I: IntoIterator<Item = (K, Location)>>(
        &mut self,
        claims: impl Fn(&'a ServiceFile) -> I,
        what: impl Fn(K) -> String,
        help: &str,
    ) {
        let declared = self.declared;
        let mut first: HashMap<K, (Claimant, bool)> = HashMap::with_capacity(self.order.len());
        for position in 0..self.order.len() {
            let index = self.order[position];
            for (key, location) in claims(&declared[index]) {
                let by = (index, location);
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
                self.note(by, &what, other, help);
                if !is_told {
                    entry.get_mut().1 = self.note(other, &what, by, help);
                }
            }
        }
    }

    /// Finds users and groups that two services give different numbers, and numbers that they give to different ones.
    fn numbers(&mut self) {
        self.differ(
            |number| (number.kind, number.name),
            |Number { kind, name, id }, other| {
                let (name, other) = (quoted(name), other.id);
                format!("the {kind} {name} has the number {id} here, and {other} in")
            },
            "write the same number in both, or another name in one",
        );
        self.differ(
            |number| (number.kind, number.id),
            |Number { kind, name, id }, other| {
                let (name, other) = (quoted(name), quoted(other.name));
                format!("the number {id} is that of the {kind} {name} here, and of {other} in")
            },
            "give each a number of its own, or name the same in both",
        );
    }

    /// Finds users and groups of which two services say different things: those that are the same by `key`, and differ.
    /// Each names the first that says something else.
    fn differ<K: Copy + Eq + Hash>(
        &mut self,
        key: impl Fn(Number<'a>) -> K,
        what: impl Fn(Number<'a>, Number<'a>) -> String,
        help: &str,
    ) {
        let declared = self.declared;
        let all = self.order.iter().flat_map(|index| {
            let numbers = declared[*index].numbers();
            numbers.map(|(number, location)| (number, (*index, location)))
        });
        let all: Vec<(Number<'a>, Claimant)> = all.collect();
        let mut said: HashMap<K, Vec<(Number<'a>, Claimant)>> = HashMap::new();
        for (number, by) in &all {
            let said = said.entry(key(*number)).or_default();
            if said.iter().all(|(other, _)| other != number) {
                said.push((*number, *by));
            }
        }
        for (number, by) in all {
            let others = said.get(&key(number)).into_iter().flatten();
            let mut others = others.filter(|(other, _)| *other != number);
            if let Some((other, of)) = others.next() {
                self.note(by, &what(number, *other), *of, help);
            }
        }
    }

    /// Finds what lies in another service's: names whose parts `/` separates.
    fn nested<I: Iterator<Item = (&'a str, Location)>>(
        &mut self,
        claims: impl Fn(&'a ServiceFile) -> I,
        what: &str,
        help: &str,
    ) {
        let declared = self.declared;
        let claims = self.order.iter().flat_map(|index| {
            let claims = claims(&declared[*index]);
            claims.map(|(name, location)| (name, (*index, location)))
        });
        let claims: Vec<(&str, Claimant)> = claims.collect();
        let by_name: HashMap<&str, Claimant> = claims.iter().rev().copied().collect();
        for (name, inner) in claims {
            let mut above = name;
            while let Some((parent, _)) = above.rsplit_once('/') {
                above = parent;
                // How the parts of one service lie is its file's own matter.
                if let Some(outer) = by_name.get(above).filter(|outer| outer.0 != inner.0) {
                    let lies = format!("{what} {} lies in that of", quoted(name));
                    self.note(inner, &lies, *outer, help);
                    let holds = format!("{what} {} holds that of", quoted(above));
                    self.note(*outer, &holds, inner, help);
                }
            }
        }
    }
}
