//! Whether the units that are declared are there, and wait for the data: asked of the running systemd.
//!
//! The generator asks nothing: it writes a drop-in for whatever name is declared, and systemd ignores one for a unit
//! that does not exist.

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

/// Finds the units of this host's services, or of the one called `only`, that do not guard what they are declared to.
///
/// # Errors
/// When systemd does not answer.
pub(crate) fn unguarded(host: &Host, only: Option<&str>) -> Result<Vec<Unguarded>> {
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
    let declared: Vec<Declared<'_>> = sound
        .chain(broken)
        .filter(|declared| only.is_none_or(|only| only == declared.name))
        .collect();
    let names = declared.iter().flat_map(|declared| declared.units);
    let systemd = Systemd::ask(names.map(UnitName::as_str).collect())?;
    let mut found = Vec::new();
    for declared in &declared {
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

/// What systemd says of units.
struct Systemd {
    units: Units,
}

impl Systemd {
    fn ask(names: BTreeSet<&str>) -> Result<Self> {
        Ok(Self {
            units: show(PROPERTIES, names)?,
        })
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
            "not-found" => return Ok(Some(missing(declared, name)?)),
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
            return members_that_do_not_wait(declared, name, unit, &guard);
        }
        Ok(None)
    }
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

/// What a unit that does not exist is told as.
fn missing(declared: &Declared<'_>, name: &str) -> Result<(String, String)> {
    let what = format!(
        "there is no unit `{name}`, so nothing waits for the data of {}",
        declared.name
    );
    let listed = answer_of(&["list-unit-files", "--no-legend", "--plain", "--full"])?;
    let known: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|one| !one.contains("@."))
        .collect();
    let help = match meant(name, &known) {
        Some(meant) => format!("did you mean `unit = \"{meant}\"` in [preseed]?"),
        None => "name the unit that uses the data as `unit` in [preseed], as `systemctl list-unit-files` shows it; \
                 if it is yet to be installed, check again then"
            .to_owned(),
    };
    Ok((what, help))
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

/// What a unit that only stands for others starts without the data.
fn members_that_do_not_wait(
    declared: &Declared<'_>,
    name: &str,
    unit: &Unit,
    guard: &str,
) -> Result<Option<(String, String)>> {
    let members: BTreeSet<&str> = ["ConsistsOf", "Wants", "Requires"]
        .iter()
        .flat_map(|property| unit.words(property))
        .filter(|one| one.ends_with(".service"))
        .filter(|one| !one.starts_with("preseed-") && !one.starts_with("dataset-"))
        .filter(|one| declared.units.iter().all(|unit| unit.as_str() != *one))
        .collect();
    if members.is_empty() {
        return Ok(None);
    }
    let asked = Systemd::ask(members)?;
    let all_of = |unit: &UnitName| {
        let known = unit.as_str();
        [known.to_owned(), guard.to_owned()]
    };
    let waited_for: BTreeSet<String> = declared.units.iter().flat_map(all_of).collect();
    let free: Vec<&str> = asked
        .units
        .iter()
        .filter(|member| member.value("LoadState") == "loaded")
        .filter(|member| !member.words("After").any(|one| waited_for.contains(one)))
        .map(Unit::id)
        .collect();
    let Some(first) = free.first() else {
        return Ok(None);
    };
    let more = match free.len() - 1 {
        0 => String::new(),
        1 => " and one more".to_owned(),
        more => format!(" and {more} more"),
    };
    let what = format!(
        "its unit `{name}` runs nothing itself, and `{first}`{more}, which it stands for, does not wait for the data"
    );
    Ok(Some((
        what,
        format!("write `unit = \"{first}\"` in [preseed], or a list with each that uses the data"),
    )))
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
