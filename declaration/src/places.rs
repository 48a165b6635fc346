//! The places of a service: checked, and made parts of it.

use std::path::{Path, PathBuf};

use crate::given::{At, Given};
use crate::layer::Declared;
use crate::location::Location;
use crate::named_table::OVER;
use crate::quote::quoted;
use crate::section::backup::Backup;
use crate::section::key::TableFragment as _;
use crate::section::place::{self, Part, Place, PlaceKeys};
use crate::section::preseed::OnUnavailable;
use crate::section::promise::Promise;
use crate::section::storage::Backend;
use crate::section::{dataset, preseed};
use crate::settings::Service;
use crate::validation::Validation;
use crate::value::{DatasetName, Mountpoint, PlaceMountpoint, ServiceName};

/// A place whose references to other settings are checked.
pub(crate) struct Checked {
    name: ServiceName,
    part: Part,
    location: Location,
    dataset: dataset::Fragment,
    preseed: preseed::Fragment,
    pub(crate) claims: dataset::Checked,
    refers: Option<preseed::Checked>,
}

/// What of the service itself its places are checked against.
pub(crate) struct Main<'a> {
    pub(crate) dataset: &'a dataset::Fragment,
    pub(crate) checked_dataset: &'a dataset::Checked,
    pub(crate) preseed: &'a preseed::Fragment,
    pub(crate) has_repository: bool,
}

/// Checks the places of a service against it and against each other. What is wrong is noted.
pub(crate) fn check(
    validation: &mut Validation<'_>,
    places: Vec<Place>,
    main: &Main<'_>,
) -> Vec<Checked> {
    if let Some(first) = places.first()
        && validation.host.storage.backend == Backend::Directory
        && validation.host.problems.is_empty()
    {
        validation.note(
            first.location,
            format!(
                "[place.{}] needs ZFS: it is a dataset that is mounted by itself, and the host's services are kept in directories",
                first.name
            ),
            "remove it (what lies in the service's directory is restored with that), or keep the host's services in \
             backend = \"zfs\"",
        );
        return Vec::new();
    }
    let checked = places
        .into_iter()
        .filter_map(|place| check_one(validation, place, main));
    let mut checked: Vec<Checked> = checked.collect();
    must_differ(validation, main, &checked);
    must_not_reach(validation, main, &checked);
    for place in &mut checked {
        if place.part.restores {
            let name = place.name.clone();
            let mut validation = of_part(validation, &name);
            let dataset = place.claims.dataset.as_ref();
            let of = place
                .preseed
                .check(&mut validation, dataset, main.has_repository);
            place.refers = Some(of);
        }
    }
    checked
}

/// The validation of a part, by its own name.
fn of_part<'v>(validation: &'v mut Validation<'_>, name: &'v ServiceName) -> Validation<'v> {
    Validation {
        files: validation.files,
        name: Some(name),
        host: validation.host,
        problems: validation.problems,
    }
}

fn check_one(validation: &mut Validation<'_>, place: Place, main: &Main<'_>) -> Option<Checked> {
    let Place {
        name,
        location,
        said,
    } = place;
    let mut said = said?;
    let service = validation.name?.as_str().to_owned();
    let full = format!("{service}.{name}").parse::<ServiceName>();
    let full = validation.ok_or_note(location, full)?;
    if let Some((key, location)) = place::needless(&said) {
        validation.note(
            location,
            format!("[place.{name}] has restore = false, so `{key}` means nothing"),
            format!("remove `{key}`, or restore = false"),
        );
    }
    let below = relative(&said.own.mountpoint);
    let at = mountpoint(validation, &said, main, &name, location);
    let parent = main.checked_dataset.dataset.as_ref();
    let default = parent.and_then(|parent| {
        let parent = parent.value.parent()?;
        validation.ok_or_note(location, parent.child(full.as_str()))
    });
    let claims = {
        let mut validation = of_part(validation, &full);
        let dataset = said.dataset.check_place(&mut validation, default, at);
        located(dataset, location)
    };
    // What a place does not say of these holds for the service's own data alone.
    let base = preseed::Fragment {
        units: Given::No,
        expect: Given::No,
        ignore: Given::No,
        ignore_extra: Given::No,
        skeleton: Given::No,
        verify: Given::No,
        paths: Given::No,
        ..main.preseed.clone()
    };
    Some(Checked {
        part: Part {
            service,
            place: name,
            below,
            restores: said.own.restore.or(true)?,
            may_start_empty: said.own.may_start_empty.or(false)?,
        },
        name: full,
        location,
        dataset: said.dataset.owned_like(main.dataset),
        preseed: said.preseed.over(&base, OVER),
        claims,
        refers: None,
    })
}

/// What no file says is said to be where the place is declared.
fn located(mut checked: dataset::Checked, location: Location) -> dataset::Checked {
    if let Some(dataset) = &mut checked.dataset
        && dataset.location == Location::START
    {
        dataset.location = location;
    }
    checked
}

fn relative(mountpoint: &Given<PlaceMountpoint>) -> Option<PathBuf> {
    match mountpoint {
        Given::Value(at) if at.value.0.is_relative() => Some(at.value.0.clone()),
        _ => None,
    }
}

/// Where a place is mounted, in full.
fn mountpoint(
    validation: &mut Validation<'_>,
    said: &PlaceKeys,
    main: &Main<'_>,
    name: &str,
    location: Location,
) -> Option<At<PathBuf>> {
    let at = match &said.own.mountpoint {
        Given::Value(at) => at.clone().map(|PlaceMountpoint(path)| path),
        Given::Unreadable => return None,
        Given::No => {
            validation.note(
                location,
                format!("the place's `mountpoint` is missing in [place.{name}]"),
                "add e.g. mountpoint = \"MediaCover\", a directory below the service's own",
            );
            return None;
        }
    };
    if at.value.is_absolute() {
        return Some(at);
    }
    let base = main.checked_dataset.mountpoint.as_ref()?;
    let path = base.value.join(&at.value);
    let path = path.to_string_lossy().parse::<Mountpoint>();
    let Mountpoint(path) = validation.ok_or_note(at.location, path)?;
    Some(At { value: path, ..at })
}

/// A part of the service as messages call it, and what it claims.
struct Claims<'c> {
    called: String,
    dataset: Option<&'c At<DatasetName>>,
    mountpoint: Option<&'c At<PathBuf>>,
}

fn claims<'c>(main: &'c Main<'_>, places: &'c [Checked]) -> Vec<Claims<'c>> {
    let of = |called: String, checked: &'c dataset::Checked| Claims {
        called,
        dataset: checked.dataset.as_ref(),
        mountpoint: checked.mountpoint.as_ref(),
    };
    let mut claims = vec![of("[dataset]".to_owned(), main.checked_dataset)];
    claims.extend(places.iter().map(|place| of(called(place), &place.claims)));
    claims
}

fn called(place: &Checked) -> String {
    format!("[place.{}]", place.part.place)
}

/// That no two parts have one dataset or one mountpoint, and that no dataset lies in another's.
fn must_differ(validation: &mut Validation<'_>, main: &Main<'_>, places: &[Checked]) {
    let all = claims(main, places);
    for (number, one) in all.iter().enumerate() {
        for other in &all[..number] {
            if let (Some(own), Some(others)) = (one.mountpoint, other.mountpoint)
                && own.value == others.value
            {
                let what = format!(
                    "mountpoint {} is also that of {}",
                    quoted(&own.value.to_string_lossy()),
                    other.called
                );
                validation.note(own.location, what, "give each a mountpoint of its own");
            }
            let (Some(own), Some(others)) = (one.dataset, other.dataset) else {
                continue;
            };
            let (name, shown) = (&own.value, quoted(own.value.as_str()));
            let what = if *name == others.value {
                format!("dataset {shown} is also that of {}", other.called)
            } else if others.value.holds(name) {
                format!("dataset {shown} lies in that of {}", other.called)
            } else if name.holds(&others.value) {
                format!("dataset {shown} holds that of {}", other.called)
            } else {
                continue;
            };
            validation.note(
                own.location,
                what,
                "give each a dataset of its own, beside the others: a restore replaces a dataset with all that is in it",
            );
        }
    }
}

/// That what makes a part's data does not lie in another part.
fn must_not_reach(validation: &mut Validation<'_>, main: &Main<'_>, places: &[Checked]) {
    let own = (main.checked_dataset, main.preseed);
    let parts = places.iter().map(|place| (&place.claims, &place.preseed));
    let mut found = Vec::new();
    for (checked, preseed) in std::iter::once(own).chain(parts) {
        let Some(outer) = &checked.mountpoint else {
            continue;
        };
        for place in claims(main, places) {
            let Some(below) = place
                .mountpoint
                .and_then(|at| below(&outer.value, &at.value))
            else {
                continue;
            };
            for (key, path, location) in preseed.named() {
                let shown = quoted(&path.to_string_lossy());
                if path.starts_with(below) {
                    found.push((
                        location,
                        format!("`{key}` names {shown}, which lies in {}", place.called),
                        format!("name it in {}", place.called),
                    ));
                } else if key == "expect" && below.starts_with(path) {
                    found.push((
                        location,
                        format!(
                            "`{key}` names {shown}, a directory that is there as soon as {} is mounted in it",
                            place.called
                        ),
                        "name a file of the data instead".to_owned(),
                    ));
                }
            }
        }
    }
    for (location, what, help) in found {
        validation.note(location, what, help);
    }
}

/// Where `inner` is below `outer`; `None` if it is not, or is the same.
fn below<'p>(outer: &Path, inner: &'p Path) -> Option<&'p Path> {
    let below = inner.strip_prefix(outer).ok()?;
    (below != Path::new("")).then_some(below)
}

impl Checked {
    /// Its name, and where its mountpoint and its dataset are declared.
    pub(crate) fn locations(&self) -> (String, [Location; 2]) {
        let at = |location: Option<Location>| location.unwrap_or(self.location);
        let mountpoint = self.claims.mountpoint.as_ref();
        let dataset = self.claims.dataset.as_ref();
        let locations = [
            at(mountpoint.map(|at| at.location)),
            at(dataset.map(|at| at.location)),
        ];
        (self.part.place.clone(), locations)
    }

    /// The part, as a service of its own; `of` is the service, without its places.
    fn settle(self, of: &Service) -> Option<Service> {
        let settings = self.dataset.settle(self.claims, Backend::Zfs)?;
        let mut preseed = match self.refers {
            Some(checked) => self.preseed.settle(checked)?,
            None => preseed::Preseed {
                tiers: Vec::new(),
                expect: Vec::new(),
                verify: Vec::new(),
                paths: Vec::new(),
                ignore: Vec::new(),
                skeleton: Vec::new(),
                replicas: Vec::new(),
                ..of.preseed.clone()
            },
        };
        preseed.units.clone_from(&of.units);
        if self.part.may_start_empty {
            preseed.on_unavailable = OnUnavailable::StartEmpty;
        }
        let restores = self.part.restores;
        let backup = of.backup.as_ref().filter(|_| restores);
        Some(Service {
            name: self.name,
            source: of.source.clone(),
            user: of.user.clone(),
            snapshots: of.snapshots.clone().filter(|_| restores),
            storage: settings.storage,
            backup: backup.map(|backup| backed_up(backup, of, &settings.mountpoint)),
            mountpoint: settings.mountpoint,
            owner: settings.owner,
            group: settings.group,
            mode: settings.mode,
            preseed,
            max_parallel_restores: of.max_parallel_restores,
            promise: Promise::default(),
            drill: of.drill.clone(),
            part: Some(self.part),
            places: Vec::new(),
            nested: Vec::new(),
        })
    }
}

/// The backup of a part at this mountpoint: a snapshot of the service's that holds its path.
fn backed_up(backup: &Backup, of: &Service, mountpoint: &Declared<PathBuf>) -> Backup {
    let inside = mountpoint.strip_prefix(&*of.mountpoint).ok();
    let path = match inside {
        // Where the service's own is not backed up from where it is mounted, what is below it is not either.
        Some(inside) => Declared {
            value: backup.path.join(inside),
            layer: backup.path.layer,
        },
        None => Declared {
            layer: crate::layer::Layer::Default,
            ..mountpoint.clone()
        },
    };
    Backup {
        path,
        ..backup.clone()
    }
}

/// Makes the places parts of the service. `None` if a value is missing.
pub(crate) fn settle(mut service: Service, places: Vec<Checked>) -> Option<Service> {
    for place in places {
        let part = place.settle(&service)?;
        service.places.push(part);
    }
    service.order_places();
    Some(service)
}

impl Service {
    /// Puts its places in the order of their mountpoints, and notes for each part what is mounted below it.
    pub fn order_places(&mut self) {
        self.places
            .sort_by(|one, other| one.mountpoint.value.cmp(&other.mountpoint.value));
        let points: Vec<PathBuf> = self
            .parts()
            .map(|part| part.mountpoint.value.clone())
            .collect();
        let nested = |outer: &Path| {
            let inner = points.iter().filter_map(|inner| below(outer, inner));
            inner.map(Path::to_path_buf).collect::<Vec<_>>()
        };
        self.nested = nested(&self.mountpoint);
        for place in &mut self.places {
            place.nested = nested(&place.mountpoint);
        }
    }
}
