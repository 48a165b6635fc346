//! What the validation of each table shares: what it is validated against, and where problems go.

use std::collections::HashSet;
use std::hash::Hash;

use crate::given::At;
use crate::host_file::{HostFile, Referable};
use crate::location::{Files, Location};
use crate::problem::Problem;
use crate::quote::{nearest, quoted};
use crate::value::{Invalid, ServiceName, SharedName};

/// The validation of one service.
pub(crate) struct Validation<'a> {
    pub(crate) files: Files<'a>,
    /// `None` if the file's name is no service name.
    pub(crate) name: Option<&'a ServiceName>,
    pub(crate) host: &'a HostFile,
    /// What is wrong with the service.
    pub(crate) problems: &'a mut Vec<Problem>,
}

/// The first element that is there twice.
pub(crate) fn duplicate<T: Eq + Hash>(list: &[At<T>]) -> Option<&At<T>> {
    if list.len() < 2 {
        return None;
    }
    let mut seen = HashSet::with_capacity(list.len());
    list.iter().find(|at| !seen.insert(&at.value))
}

impl Validation<'_> {
    /// Takes note of a problem.
    pub(crate) fn note(
        &mut self,
        location: Location,
        what: impl Into<String>,
        help: impl Into<String>,
    ) {
        let problem = self.files.problem(location, what.into(), help.into());
        self.problems.push(problem);
    }

    /// The value; what is invalid is noted.
    pub(crate) fn ok_or_note<T>(
        &mut self,
        location: Location,
        result: Result<T, Invalid>,
    ) -> Option<T> {
        result
            .map_err(|invalid| self.note(location, invalid.what, invalid.help))
            .ok()
    }

    /// What `name` refers to in the host's file.
    pub(crate) fn resolve<'b, T>(
        &mut self,
        declared: &'b [Referable<T>],
        kind: &str,
        name: &At<SharedName>,
    ) -> Option<&'b T> {
        let Some(found) = declared.iter().find(|named| named.name == name.value.0) else {
            // What the host's file declares is not known if it is broken.
            if self.host.problems.is_empty() {
                let names = declared.iter().map(|named| named.name.as_str());
                let help = match nearest(&name.value.0, names) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!(
                        "add [{kind}.{}] to {}",
                        name.value.0,
                        self.host.file.display()
                    ),
                };
                self.note(
                    name.location,
                    format!("{kind} {} is not declared", quoted(&name.value.0)),
                    help,
                );
            }
            return None;
        };
        match &found.declared {
            Ok(value) => Some(value),
            Err(problems) => {
                self.problems.extend(problems.iter().cloned());
                None
            }
        }
    }
}
