//! Whether the units that are declared are there, and wait for the data: asked of the running systemd.
//!
//! The generator asks nothing: it writes a drop-in for whatever name is declared, and systemd ignores one for a unit
//! that does not exist.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use declaration::settings::Host;
use declaration::value::UnitName;
use declaration::{nearest, visible};
use generator::unit_name::Names;
use storage::{Error, Result};
use systemd::show::{Unit, Units, show};
use systemd::systemctl;

/// What is asked of each (systemctl(1), `show`).
const PROPERTIES: &str =
    "LoadState,LoadError,Type,ExecStart,Requires,Wants,ConsistsOf,Before,After";

/// What a restore comes after, as every unit that does not say otherwise (systemd.service(5)).
const BEFORE_RESTORES: [&str; 4] = [
    "local-fs.target",
    "sysinit.target",
    "sockets.target",
    "basic.target",
];

/// What other tools put before the name of a container's unit.
const PREFIXES: [&str; 3] = ["podman-", "docker-", "container-"];

/// A declared unit that keeps nothing from starting without its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unguarded {
    /// The service's name.
    pub(crate) service: String,
    /// The file that declares it (absolute).
    pub(crate) source: PathBuf,
    /// What is wrong.
    what: String,
    /// What the reader can do about it.
    help: String,
}

impl fmt::Display for Unguarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}: {}",
            self.source.display(),
            visible(&self.what),
            visible(&self.help)
        )
    }
}

/// A service, as far as it matters here.
struct Declared<'a> {
    name: &'a str,
    source: &'a Path,
    units: &'a [UnitName],
}

/// Whether systemd runs here, and can be asked (sd_booted(3)).
pub(crate) fn can_be_asked() -> bool {
    Path::new("/run/systemd/system").exists()
}

/// Asks systemd for the units of all services of this host, all that is asked of one here and `more` (properties,
/// separated by commas).
///
/// # Errors
/// When systemd does not answer.
pub(crate) fn ask(host: &Host, more: &str) -> Result<Units> {
    show(&format!("{PROPERTIES},{more}"), names(&declared(host)))
}

/// Finds the units of this host's services, or of the one called `only`, that do not guard what they are declared to.
///
/// # Errors
/// When systemd does not answer.
pub(crate) fn unguarded(host: &Host, only: Option<&str>) -> Result<Vec<Unguarded>> {
    let mut declared = declared(host);
    declared.retain(|declared| only.is_none_or(|only| only == declared.name));
    unguarded_of(&declared, &show(PROPERTIES, names(&declared))?)
}

/// The same for all services, whose units were asked for.
///
/// # Errors
/// When systemd does not answer.
pub(crate) fn unguarded_among(host: &Host, asked: &Units) -> Result<Vec<Unguarded>> {
    unguarded_of(&declared(host), asked)
}

fn declared(host: &Host) -> Vec<Declared<'_>> {
    let sound = host.services.iter().map(|service| Declared {
        name: service.name.as_str(),
        source: &service.source,
        units: &service.units,
    });
    let broken = host.broken.iter().map(|broken| Declared {
        name: &broken.name,
        source: &broken.source,
        units: &broken.units,
    });
    sound.chain(broken).collect()
}

fn names<'a>(declared: &[Declared<'a>]) -> BTreeSet<&'a str> {
    let units = declared.iter().flat_map(|declared| declared.units);
    units.map(UnitName::as_str).collect()
}

fn unguarded_of(declared: &[Declared<'_>], asked: &Units) -> Result<Vec<Unguarded>> {
    let systemd = Systemd::of(declared, asked)?;
    let mut found = Vec::new();
    for declared in declared {
        for unit in declared.units {
            if let Some((what, help)) = systemd.fault(declared, unit.as_str())? {
                found.push(Unguarded {
                    service: declared.name.to_owned(),
                    source: declared.source.to_owned(),
                    what,
                    help,
                });
            }
        }
    }
    Ok(found)
}

/// What systemd says of units. Each question is asked once for all of them.
struct Systemd<'a> {
    units: &'a Units,
    /// What those start that only stand for others.
    members: Units,
    /// The names of the units that there are.
    known: OnceCell<Result<BTreeSet<String>>>,
}

impl<'a> Systemd<'a> {
    fn of(declared: &[Declared<'_>], units: &'a Units) -> Result<Self> {
        let mut members = BTreeSet::new();
        for declared in declared {
            let found = declared.units.iter().map(UnitName::as_str);
            let found = found.filter_map(|name| Some((name, units.get(name)?)));
            for (_, unit) in found.filter(|(name, unit)| runs_nothing(unit, name)) {
                members.extend(members_of(declared, unit));
            }
        }
        Ok(Self {
            units,
            members: show("LoadState,After", members)?,
            known: OnceCell::new(),
        })
    }

    fn known(&self) -> Result<&BTreeSet<String>> {
        let known = self.known.get_or_init(unit_files);
        known.as_ref().map_err(Clone::clone)
    }

    /// What is wrong with a unit of a service, and what to do.
    fn fault(&self, declared: &Declared<'_>, name: &str) -> Result<Option<(String, String)>> {
        let Some(unit) = self.units.get(name) else {
            return Err(Error::new(
                name,
                "systemd says nothing of it",
                "see that systemd answers: `systemctl status`",
            ));
        };
        match unit.value("LoadState") {
            "loaded" => {}
            // It never starts.
            "masked" => return Ok(None),
            "not-found" => return Ok(Some(missing(declared, name, self.known()?))),
            state => {
                let what = format!(
                    "systemd cannot load its unit `{name}` ({state}): {}",
                    unit.value("LoadError")
                );
                let help =
                    format!("run `systemctl daemon-reload`, then see `systemctl status {name}`");
                return Ok(Some((what, help)));
            }
        }
        let guard = Names::of(declared.name).preseed;
        if !unit.words("Requires").any(|one| one == guard) {
            let what = format!("its unit `{name}` does not wait for {guard}");
            let help = "run `systemctl daemon-reload`; if that does not help, see what `journalctl -b -g preseed-generator` says";
            return Ok(Some((what, help.to_owned())));
        }
        if let Some(target) = unit
            .words("Before")
            .find(|one| BEFORE_RESTORES.contains(one))
        {
            let what = format!(
                "its unit `{name}` is started before {target}, and data is restored after that: \
                 systemd breaks such a circle by leaving one of them out"
            );
            let help = "name the unit that uses the data, or let this one start later".to_owned();
            return Ok(Some((what, help)));
        }
        if runs_nothing(unit, name) {
            return Ok(self.members_that_do_not_wait(declared, name, unit, &guard));
        }
        Ok(None)
    }

    /// What a unit that only stands for others starts without the data.
    fn members_that_do_not_wait(
        &self,
        declared: &Declared<'_>,
        name: &str,
        unit: &Unit,
        guard: &str,
    ) -> Option<(String, String)> {
        let all_of = |unit: &UnitName| {
            let known = unit.as_str();
            [known.to_owned(), guard.to_owned()]
        };
        let waited_for: BTreeSet<String> = declared.units.iter().flat_map(all_of).collect();
        let members = members_of(declared, unit).into_iter();
        let members = members.filter_map(|member| self.members.get(member));
        let free: BTreeSet<&str> = members
            .filter(|member| member.value("LoadState") == "loaded")
            .filter(|member| !member.words("After").any(|one| waited_for.contains(one)))
            .map(Unit::id)
            .collect();
        let first = free.first()?;
        let more = match free.len() - 1 {
            0 => String::new(),
            1 => " and one more".to_owned(),
            more => format!(" and {more} more"),
        };
        let what = format!(
            "its unit `{name}` runs nothing itself, and `{first}`{more}, which it stands for, does not wait for the data"
        );
        Some((
            what,
            format!(
                "write `unit = \"{first}\"` in [preseed], or a list with each that uses the data"
            ),
        ))
    }
}

/// What a unit that only stands for others starts, and is not declared as well.
fn members_of<'u>(declared: &Declared<'_>, unit: &'u Unit) -> BTreeSet<&'u str> {
    ["ConsistsOf", "Wants", "Requires"]
        .iter()
        .flat_map(|property| unit.words(property))
        .filter(|one| one.ends_with(".service"))
        .filter(|one| !one.starts_with("preseed-") && !one.starts_with("dataset-"))
        .filter(|one| declared.units.iter().all(|unit| unit.as_str() != *one))
        .collect()
}

/// Whether a unit only stands for others, as Debian's postgresql.service.
fn runs_nothing(unit: &Unit, name: &str) -> bool {
    if name.ends_with(".target") {
        return true;
    }
    let command = unit.value("ExecStart");
    let is_true = command.split_once("path=").is_some_and(|(_, rest)| {
        rest.split([' ', ';'])
            .next()
            .is_some_and(|path| path.ends_with("/true"))
    });
    unit.value("Type") == "oneshot" && (command.is_empty() || is_true)
}

/// The names of the units that have a file, as what may be meant by another name. A directory that cannot be read has none.
///
/// `systemctl list-unit-files` also tells which are enabled: with a few hundred units, that takes systemd half a minute, in
/// which it does nothing else.
fn unit_files() -> Result<BTreeSet<String>> {
    let directories = answer_of(&["show", "--property=UnitPath", "--value"])?;
    let entries = directories
        .split_whitespace()
        .filter_map(|directory| std::fs::read_dir(directory).ok());
    let names = entries.flatten().filter_map(|entry| {
        let entry = entry.ok()?;
        let is_file = entry.file_type().is_ok_and(|kind| !kind.is_dir());
        entry.file_name().into_string().ok().filter(|_| is_file)
    });
    // A template is no unit.
    Ok(names.filter(|name| !name.contains("@.")).collect())
}

/// What a unit that does not exist is told as; `known`: those that there are.
fn missing(declared: &Declared<'_>, name: &str, known: &BTreeSet<String>) -> (String, String) {
    let what = format!(
        "there is no unit `{name}`, so nothing waits for the data of {}",
        declared.name
    );
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let help = match meant(name, &known) {
        Some(meant) => format!("did you mean `unit = \"{meant}\"` in [preseed]?"),
        None => "name the unit that uses the data as `unit` in [preseed], as `systemctl list-unit-files` shows it; \
                 if it is yet to be installed, check again then"
            .to_owned(),
    };
    (what, help)
}

/// The unit that is probably meant.
fn meant<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let same = |wanted: &str| {
        known
            .iter()
            .copied()
            .find(|one| one.eq_ignore_ascii_case(wanted))
    };
    // One tool calls the unit of a container as the container, another puts something before it.
    let without = PREFIXES
        .iter()
        .filter_map(|prefix| name.strip_prefix(prefix))
        .find_map(same);
    let with = || {
        PREFIXES
            .iter()
            .find_map(|prefix| same(&format!("{prefix}{name}")))
    };
    same(name)
        .or(without)
        .or_else(with)
        .or_else(|| misspelt(name, known))
}

/// The unit of the same type whose name without it is nearest: the type makes short names look alike.
fn misspelt<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let (stem, kind) = name.rsplit_once('.')?;
    let with_stems = || {
        known.iter().filter_map(|one| {
            let (stem, own) = one.rsplit_once('.')?;
            (own == kind).then_some((stem, *one))
        })
    };
    let meant = nearest(stem, with_stems().map(|(stem, _)| stem))?;
    with_stems()
        .find(|(stem, _)| *stem == meant)
        .map(|(_, one)| one)
}

/// What `systemctl` prints.
fn answer_of(args: &[&str]) -> Result<String> {
    let ended = systemctl(args)?;
    if !ended.status.success() {
        return Err(ended.error("systemd", "see that it answers: `systemctl status`"));
    }
    Ok(ended.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_that_is_meant() {
        let known = [
            "podman-radarr.service",
            "rc.service",
            "sonarr.service",
            "sonars.timer",
            "tv.service",
        ];
        for (name, wanted) in [
            ("podman-sonarr.service", Some("sonarr.service")),
            ("radarr.service", Some("podman-radarr.service")),
            ("Sonarr.service", Some("sonarr.service")),
            ("sonar.service", Some("sonarr.service")),
            ("grafana.service", None),
            ("app.service", None),
            ("sonars.service", Some("sonarr.service")),
        ] {
            assert_eq!(meant(name, &known), wanted, "{name}");
        }
    }

    #[test]
    fn a_unit_that_runs_nothing_itself() {
        for (name, properties, wanted) in [
            ("x.target", "Id=x.target", true),
            (
                "postgresql.service",
                "Type=oneshot\nExecStart={ path=/bin/true ; argv[]=/bin/true ; ignore_errors=no }",
                true,
            ),
            (
                "x.service",
                "Type=oneshot\nExecStart={ path=/usr/bin/x ; argv[]=/usr/bin/x true }",
                false,
            ),
            (
                "x.service",
                "Type=simple\nExecStart={ path=/bin/true ; argv[]=/bin/true }",
                false,
            ),
        ] {
            assert_eq!(
                runs_nothing(&Unit::parse(properties), name),
                wanted,
                "{properties}"
            );
        }
    }
}
