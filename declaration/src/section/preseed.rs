//! `[preseed]` of a service's file: what its data is, and how it comes back.

mod choices;
pub(crate) mod max_age;
mod paths;
mod replicas;
mod tiers;
pub(crate) mod verify;

use std::collections::BTreeMap;
use std::mem::take;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use choices::{KeepReplaced, OnPartial, OnUnavailable, Prefer};
pub use replicas::Replica;
pub use verify::{Check, CheckCommand};

use self::max_age::MaxAge;
use super::key::{OneOrMore, keys};
use super::outcome::Outcome;
use crate::given::{At, Given, plain};
use crate::location::Location;
use crate::quote::quoted;
use crate::validation::{Validation, duplicate};
use crate::value::{
    Count, DatasetName, EntryName, ExpectedPath, RelativePath, SharedName, TierName, TimeSpan,
    UnitName,
};

/// How long a restore may make no progress.
const STALL_TIMEOUT: TimeSpan = TimeSpan(Duration::from_mins(10));

keys! {
    /// What the service's data is, and how it comes back.
    table "[preseed]";
    extend ignore with ignore_extra;

    /// The unit, or units, that wait for the data.
    units: OneOrMore<UnitName> = "unit", default "`\"<NAME>.service\"`", example "[\"podman-sonarr.service\", \"sonarr-backup.timer\"]";

    /// The tiers that may restore, in the order to ask them: `rollback`, `snapshot`, `restic`.
    tiers: Vec<At<TierName>> = "tiers", default "all that are possible", example "[\"snapshot\", \"restic\"]";

    /// What makes the directory the service's data: paths below the mountpoint. If none is declared, anything counts
    /// as data.
    expect: Vec<ExpectedPath> = "expect", default "`[]`", example "[\"sonarr.db\", \"config.xml\"]";

    /// Names directly below the mountpoint that never count as data.
    ignore: Vec<EntryName> = "ignore", default "`[]`", example "[\".cache\"]";

    /// More names that never count as data. They are appended to the `ignore` of the files below: a fragment's to that
    /// of the service's file, the service's to that of its template.
    ignore_extra: Vec<EntryName> = "ignore-extra", default "`[]`", example "[\"lost+found.old\"]";

    /// What a package makes in the directory before there is any data: paths below the mountpoint, each with all that
    /// is below it. If the directory carries no preseed mark yet and holds nothing else but directories, the data is
    /// restored, and what was there is kept aside.
    skeleton: Vec<RelativePath> = "skeleton", default "`[]`", example "[\"README\", \"conf.d\"]";

    /// How restored data is checked before the service gets it. A check is one of the tables of
    /// [`[[preseed.verify]]`](#preseedverify).
    verify: Vec<Check> = "verify", default "`[]`", example "[{ sqlite = \"sonarr.db\" }]";

    /// All that is restored: paths below the mountpoint. They are copied, so the tier `rollback` is not used. A path
    /// that a snapshot lacks is left out, unless `expect` names it.
    paths: Vec<At<RelativePath>> = "paths", default "everything", example "[\"sonarr.db\", \"config.xml\"]";

    /// Which of several snapshots that hold the data is restored: `order`, that of the first tier; or `newest`, the
    /// newest of all tiers.
    prefer: Prefer = "prefer", default "`\"order\"`", example "\"newest\"";

    /// How many snapshots of one source are tried, from 1 to 1000. Snapshots without the data do not count.
    max_candidates: Count<1000> = "max-candidates", default "`3`", example "10";

    /// A tier whose newest snapshot is older than this is asked last. The keys of the table are those of
    /// [`[preseed.max-age]`](#preseedmax-age).
    max_age: MaxAge = "max-age", default "none", example "{ rollback = \"7d\", restic = \"30d\" }";

    /// A restore that moves less than a MiB for this long is given up. The same limit holds for a restore's wait for a
    /// lock of its repository, for the wait for another process that stands still (not before 5 s), for a question to
    /// restic whose answer stops coming (not before 5 s; after 60 s at most while restic says that it tries again), and
    /// for a `zfs` that does not end (not before 20 s). A time as in systemd.time(7), or `infinity`.
    stall_timeout: TimeSpan = "stall-timeout", default "`\"10min\"`", example "\"1h\"";

    /// How long what a restore replaced is kept. Time counts while the machine is up and the data is there. Or
    /// `forever`.
    keep_replaced: KeepReplaced = "keep-replaced", default "`\"30d\"`", example "\"forever\"";

    /// What to do if something is there that is not all of `expect`, some of it or other files only: `stop` does not
    /// start the service; `restore` restores, and keeps what was there.
    on_partial: OnPartial = "on-partial", default "`\"stop\"`", example "\"restore\"";

    /// What to do if no tier restored the data, and there may be some: a tier could not be asked, a restore failed, a
    /// snapshot is in doubt, or the machine remembers that the service had data. `stop` does not start the service;
    /// `start-empty` lets it start on an empty directory in each of these cases.
    on_unavailable: OnUnavailable = "on-unavailable", default "`\"stop\"`", example "\"start-empty\"";

    /// Whether the service's data and its places must be of one point in time. If only some of them are lost, or no
    /// restore brings all from one point, the service does not start.
    together: bool = "together", default "`false`", example "true";

    /// Whether the data may shrink to less than half between two backups, as a download directory's does. If it may not,
    /// backups of which most has vanished are filed apart, and no restore takes one, until `preseedctl accept NAME`.
    allow_shrink: bool = "allow-shrink", default "`false`", example "true";

    /// Which `[replica.NAME]` of `preseed.toml` the tier `snapshot` asks, in this order.
    replicas: Vec<At<SharedName>> = "replicas", default "all", example "[\"vault\"]";
}

/// What a service's data is, and how it comes back.
#[derive(Debug, Clone)]
pub struct Preseed {
    /// The units that must not start before the data is there, never empty.
    pub units: Vec<UnitName>,
    /// The tiers that may restore, in the order to ask them, no duplicates.
    /// Tiers that the storage cannot offer (`rollback` and `snapshot` of a directory) are left out.
    /// Empty only if nothing is left: a directory without a repository, which simply bootstraps.
    pub tiers: Vec<TierName>,
    /// What makes the directory the service's data: paths relative to the mountpoint. May be empty.
    pub expect: Vec<PathBuf>,
    /// How data that was restored is checked before it takes the service's place, in this order.
    pub verify: Vec<Check>,
    /// All that is restored: paths relative to the mountpoint, none of them in another. Empty: everything.
    /// They hold all of `expect` and of what `verify` reads with SQLite.
    pub paths: Vec<PathBuf>,
    /// Names of entries directly below the mountpoint that never count as data.
    pub ignore: Vec<String>,
    /// What a package makes in the directory before any data is there: paths relative to the mountpoint, each with
    /// all that is below it. Where nothing is known of what lies there, and it is no more than this, it is restored over.
    pub skeleton: Vec<PathBuf>,
    /// Which of several snapshots that hold the data is restored.
    pub prefer: Prefer,
    /// How many snapshots of one source are tried at most, from 1 to 1000.
    pub max_candidates: usize,
    /// A tier whose newest snapshot is older than this is asked last.
    pub max_age: BTreeMap<TierName, Duration>,
    /// A restore that has made no progress for this long is given up. [`Duration::MAX`]: never.
    pub stall_timeout: Duration,
    /// How long what a restore replaced is kept.
    pub keep_replaced: KeepReplaced,
    /// What to do when only some of `expect` is there.
    pub on_partial: OnPartial,
    /// What to do when no tier restored and at least one could not be asked.
    pub on_unavailable: OnUnavailable,
    /// Whether the service's data and its places must be of one point in time.
    pub together: bool,
    /// Whether the data may shrink to less than half between two backups.
    pub allow_shrink: bool,
    /// Replicas that the snapshot tier asks, in this order. Empty unless `tiers` holds `snapshot`.
    pub replicas: Vec<Replica>,
}

impl Preseed {
    /// Each key's value as it holds in the end.
    pub(crate) fn outcome(&self) -> Vec<(&'static str, Outcome)> {
        vec![
            ("unit", Outcome::texts(&self.units)),
            ("tiers", Outcome::texts(&self.tiers)),
            ("expect", Outcome::paths(&self.expect)),
            ("ignore", Outcome::texts(&self.ignore)),
            ("skeleton", Outcome::paths(&self.skeleton)),
            ("verify", Outcome::list(&self.verify, Check::outcome)),
            ("paths", Outcome::paths(&self.paths)),
            ("prefer", Outcome::text(self.prefer.word())),
            ("max-candidates", Outcome::Number(self.max_candidates)),
            ("max-age", max_age::outcome(&self.max_age)),
            ("stall-timeout", Outcome::span(self.stall_timeout)),
            ("keep-replaced", self.keep_replaced.outcome()),
            ("on-partial", Outcome::text(self.on_partial.word())),
            ("on-unavailable", Outcome::text(self.on_unavailable.word())),
            ("together", Outcome::Flag(self.together)),
            ("allow-shrink", Outcome::Flag(self.allow_shrink)),
            (
                "replicas",
                Outcome::list(&self.replicas, |replica| Outcome::text(&replica.name)),
            ),
        ]
    }
}

/// What refers to other settings, checked. `None`: it could not be read.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) units: Option<Vec<UnitName>>,
    /// Where each of `units` is declared.
    pub(crate) unit_locations: Vec<Location>,
    pub(crate) replicas: Option<Vec<Replica>>,
    /// Where `replicas` is declared.
    pub(crate) replicas_location: Location,
    tiers: Option<Vec<TierName>>,
    paths: Option<Vec<PathBuf>>,
}

impl Fragment {
    /// Checks what refers to other settings. What is wrong is noted.
    pub(crate) fn check(
        &mut self,
        validation: &mut Validation<'_>,
        dataset: Option<&At<DatasetName>>,
        has_repository: bool,
    ) -> Checked {
        let units = units(validation, take(&mut self.units));
        let tiers = tiers::tiers(validation, take(&mut self.tiers), !has_repository);
        let wants_replicas = tiers
            .as_ref()
            .is_none_or(|tiers| tiers.contains(&TierName::Snapshot));
        let paths = paths::paths(
            validation,
            take(&mut self.paths),
            &self.expect,
            &self.verify,
        );
        let replicas = take(&mut self.replicas);
        Checked {
            unit_locations: units.iter().flatten().map(|at| at.location).collect(),
            units: units.map(|units| units.into_iter().map(|at| at.value).collect()),
            replicas_location: replicas.location(),
            replicas: replicas::replicas(validation, replicas, wants_replicas, dataset),
            tiers,
            paths,
        }
    }

    /// The paths below the mountpoint that its keys name as data: which key, and where it is declared.
    pub(crate) fn named(&self) -> Vec<(&'static str, &Path, Location)> {
        let mut named = paths::needed(&self.expect, &self.verify);
        if let Given::Value(paths) = &self.paths {
            let paths = paths.value.iter();
            named.extend(paths.map(|at| ("paths", at.value.0.as_path(), at.location)));
        }
        named
    }

    /// The settings, if every value is there.
    pub(crate) fn settle(self, checked: Checked) -> Option<Preseed> {
        Some(Preseed {
            units: checked.units?,
            tiers: checked.tiers?,
            expect: self.expect.plain(|ExpectedPath(path)| path)?,
            verify: self.verify.or(Vec::new())?,
            paths: checked.paths?,
            ignore: plain(self.ignore.and(self.ignore_extra)?, |EntryName(name)| name),
            skeleton: self.skeleton.plain(|RelativePath(path)| path)?,
            prefer: self.prefer.or(Prefer::default())?,
            max_candidates: self.max_candidates.or(Count(3))?.0,
            max_age: self.max_age.or(BTreeMap::new())?,
            stall_timeout: self.stall_timeout.or(STALL_TIMEOUT)?.0,
            keep_replaced: self.keep_replaced.or(KeepReplaced::default())?,
            on_partial: self.on_partial.or(OnPartial::default())?,
            on_unavailable: self.on_unavailable.or(OnUnavailable::default())?,
            together: self.together.or(false)?,
            allow_shrink: self.allow_shrink.or(false)?,
            replicas: checked.replicas?,
        })
    }
}

fn units(
    validation: &mut Validation<'_>,
    given: Given<OneOrMore<UnitName>>,
) -> Option<Vec<At<UnitName>>> {
    let at = match given {
        Given::Value(at) => at.map(|OneOrMore(units)| units),
        Given::Unreadable => return None,
        Given::No => {
            let unit = format!("{}.service", validation.name?).parse();
            let unit = validation.ok_or_note(Location::START, unit)?;
            return Some(vec![At::default(unit)]);
        }
    };
    if at.value.is_empty() {
        validation.note(
            at.location,
            "`unit` is an empty list",
            "name a unit, or leave the key out for NAME.service",
        );
        return None;
    }
    if let Some(twice) = duplicate(&at.value) {
        let (location, what) = (
            twice.location,
            format!("unit {} is named twice", quoted(twice.value.as_str())),
        );
        validation.note(location, what, "remove one of them");
    }
    Some(at.value)
}
