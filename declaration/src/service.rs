//! A service's tables, put together: each is checked, then the service is made of what all of them say.

use crate::fragment::Fragment;
use crate::given::{At, Given};
use crate::host_file::HostFile;
use crate::location::{Files, Location};
use crate::partial::{Locations, Partial};
use crate::places;
use crate::problem::Problem;
use crate::report::REPORT;
use crate::section::place::Place;
use crate::section::repository::Repository;
use crate::section::snapshots::Snapshots;
use crate::section::{backup, dataset, drill, preseed, promise, snapshots, user};
use crate::settings::Service;
use crate::validation::Validation;
use crate::value::ServiceName;

/// Validates what `files` declare, and adds what is wrong to `problems`.
/// `name` is `None` if the declaration's name is no service name.
///
/// The service is complete if every value could be read; it is sound if there are no problems.
pub(crate) fn validate(
    files: Files<'_>,
    name: Option<&ServiceName>,
    merged: Fragment,
    host: &HostFile,
    problems: &mut Vec<Problem>,
) -> (Result<Service, Partial>, Locations) {
    let mut validation = Validation {
        files,
        name,
        host,
        problems,
    };
    let mut tables = Tables {
        user: merged.user,
        places: merged.places,
        dataset: merged.dataset,
        preseed: merged.preseed,
        snapshots: merged.snapshots,
        backup: merged.backup,
        promise: merged.promise,
        drill: merged.drill,
    };
    let checked = tables.check(
        &mut validation,
        merged.user_table.as_ref(),
        merged.backup_location,
    );
    let locations = checked.locations();
    // Whatever could not be read is a problem already.
    if !validation.problems.is_empty() || !host.problems.is_empty() {
        return (Err(checked.into_partial()), locations);
    }
    if let Some(service) = tables.settle(checked, &validation) {
        return (Ok(service), locations);
    }
    validation.note(
        Location::START,
        "internal error: the declaration is valid, but was not understood",
        REPORT,
    );
    (Err(Partial::default()), locations)
}

/// What a service's file and its template say.
struct Tables {
    user: user::Fragment,
    places: Vec<Place>,
    dataset: dataset::Fragment,
    preseed: preseed::Fragment,
    snapshots: snapshots::Fragment,
    backup: backup::Fragment,
    promise: promise::Fragment,
    drill: drill::Fragment,
}

/// What of it refers to other settings, checked.
struct Checked {
    user: Option<user::Checked>,
    dataset: dataset::Checked,
    preseed: preseed::Checked,
    repository: Given<Repository>,
    places: Vec<places::Checked>,
    snapshots: Given<Snapshots>,
}

impl Tables {
    fn check(
        &mut self,
        validation: &mut Validation<'_>,
        user: Option<&At<()>>,
        backup: Option<Location>,
    ) -> Checked {
        let user = self.user.check(validation, user);
        if let Some(user) = &user {
            user.owns(&mut self.dataset.owner, &mut self.dataset.group);
        }
        let dataset = self.dataset.check(validation);
        let repository = self.backup.check(validation, backup);
        let has_repository = !repository.is_absent();
        let places = places::check(
            validation,
            std::mem::take(&mut self.places),
            &places::Main {
                dataset: &self.dataset,
                checked_dataset: &dataset,
                preseed: &self.preseed,
                has_repository,
            },
        );
        Checked {
            user,
            places,
            preseed: self
                .preseed
                .check(validation, dataset.dataset.as_ref(), has_repository),
            dataset,
            repository,
            snapshots: self.snapshots.check(validation),
        }
    }

    /// The service, if every value is there.
    fn settle(self, checked: Checked, validation: &Validation<'_>) -> Option<Service> {
        let host = validation.host;
        let dataset = self.dataset.settle(checked.dataset, host.storage.backend)?;
        let backup = self.backup.settle(
            checked.repository,
            &dataset.mountpoint,
            host.backup_host.as_ref().map(|at| at.value.as_str()),
        )?;
        let snapshots = checked.snapshots.map(Some).or(None)?;
        let service = Service {
            name: validation.name?.clone(),
            source: validation.files.declaration.to_path_buf(),
            user: self.user.settle(checked.user)?,
            storage: dataset.storage,
            mountpoint: dataset.mountpoint,
            owner: dataset.owner,
            group: dataset.group,
            mode: dataset.mode,
            preseed: self.preseed.settle(checked.preseed)?,
            max_parallel_restores: host.storage.max_parallel_restores,
            snapshots,
            backup,
            promise: self.promise.settle()?,
            drill: self.drill.settle()?,
            part: None,
            places: Vec::new(),
            nested: Vec::new(),
        };
        places::settle(service, checked.places)
    }
}

impl Checked {
    fn locations(&self) -> Locations {
        let at = |location: Option<Location>| location.unwrap_or(Location::START);
        Locations {
            mountpoint: at(self.dataset.mountpoint.as_ref().map(|at| at.location)),
            dataset: at(self.dataset.dataset.as_ref().map(|at| at.location)),
            units: self.preseed.unit_locations.clone(),
            replicas: self.preseed.replicas_location,
            numbers: self
                .user
                .as_ref()
                .map(|user| user.numbers)
                .unwrap_or_default(),
            places: self.places.iter().map(places::Checked::locations).collect(),
        }
    }

    /// What is known of a service that is not complete.
    fn into_partial(self) -> Partial {
        Partial {
            mountpoint: self.dataset.mountpoint.map(|at| at.value),
            dataset: self.dataset.dataset.map(|at| at.value),
            units: self.preseed.units.unwrap_or_default(),
            replicas: self.preseed.replicas.unwrap_or_default(),
            ..Partial::default()
        }
    }
}
