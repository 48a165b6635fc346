//! Whether systemd itself makes a service's directory, and for whom (systemd.exec(5), `StateDirectory=`, `DynamicUser=`).
//!
//! With `DynamicUser=` the user exists only while the service runs: systemd keeps the directory in `/var/lib/private`,
//! makes `/var/lib/NAME` a link to it, and gives it to the user of the day at each start. Whoever else gives it to
//! somebody works against that.

use std::path::{Path, PathBuf};

use declaration::layer::Layer;
use declaration::settings::{Host, Service};
use storage::user::uid_of;
use systemd::show::{Unit, Units};

/// What is asked of each unit.
pub(crate) const PROPERTIES: &str = "LoadState,DynamicUser,User,StateDirectory";

/// Where systemd keeps state directories.
const STATE: &str = "/var/lib";

/// Where it keeps those of dynamic users.
const PRIVATE: &str = "/var/lib/private";

/// What of this host's services systemd would make otherwise than is declared, each with what to do. `asked`: what it says
/// of their units.
pub(crate) fn refusals(host: &Host, asked: &Units) -> Vec<String> {
    let mut refusals = Vec::new();
    for service in &host.services {
        let units = service.units.iter();
        let loaded = units
            .filter_map(|name| asked.get(name.as_str()))
            .filter(|unit| unit.value("LoadState") == "loaded");
        for unit in loaded {
            if let Some((what, help)) = refusal(service, unit) {
                let (file, id) = (service.source.display(), unit.id());
                refusals.push(format!("{file}: its unit `{id}` {what}: {help}"));
            }
        }
    }
    refusals
}

/// What of a service its unit would have otherwise, and what to do.
fn refusal(service: &Service, unit: &Unit) -> Option<(String, String)> {
    let place: &Path = &service.mountpoint;
    let mut states = unit.words("StateDirectory");
    let is_said = |layer| matches!(layer, Layer::Service | Layer::Template);
    let owner = is_said(service.owner.layer).then_some(&service.owner.value);
    if unit.value("DynamicUser") != "yes" {
        let owner = owner?;
        states.find(|state| place == Path::new(STATE).join(state))?;
        let user = match unit.value("User") {
            "" => "root",
            user => user,
        };
        if user == owner.as_str() || same_number(user, owner.as_str()) {
            return None;
        }
        return Some((
            format!(
                "has this directory as its StateDirectory=, which systemd gives to `{user}` at each start, and `{owner}` is declared"
            ),
            format!("write `owner = \"{user}\"` in [dataset], or `name = \"{user}\"` in [user]"),
        ));
    }
    let private = |state: &str| Path::new(PRIVATE).join(state);
    let states: Vec<&str> = states.collect();
    let way_out = "or give the service a user of its own: `systemctl edit` it with DynamicUser=no and User=, and declare \
                   that in [user]";
    if !states.iter().any(|state| place == private(state)) {
        let meant = states
            .iter()
            .find(|state| place == Path::new(STATE).join(state))
            .or(states.first());
        let mountpoint: PathBuf =
            meant.map_or_else(|| private(service.name.as_str()), |state| private(state));
        let also = if states.is_empty() {
            format!(" and StateDirectory={} in the unit", service.name)
        } else {
            String::new()
        };
        return Some((
            format!(
                "has DynamicUser=yes: its user exists only while it runs, and systemd keeps what is its below {PRIVATE}"
            ),
            format!(
                "write `mountpoint = \"{}\"` in [dataset]{also}, {way_out}",
                mountpoint.display()
            ),
        ));
    }
    if service.user.is_none() && owner.is_none() {
        return None;
    }
    Some((
        "has DynamicUser=yes: systemd gives the directory to a user of its own at each start, and another is declared"
            .to_owned(),
        format!("leave [user] out, and `owner` and `group` in [dataset]; {way_out}"),
    ))
}

/// Whether two names or numbers of users mean the same one.
fn same_number(one: &str, other: &str) -> bool {
    uid_of(one).is_some_and(|one| uid_of(other) == Some(one))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_systemd_gives_to_somebody_is_given_to_nobody_else() {
        let dynamic = "DynamicUser=yes\nUser=app\nStateDirectory=app\n";
        let fixed = "DynamicUser=no\nUser=app\nStateDirectory=app\n";
        let at = |place: &str| format!("[dataset]\nmountpoint = \"{place}\"\n");
        let state = at("/var/lib/app");
        let private = at("/var/lib/private/app");
        for (text, unit, wanted) in [
            (
                state.clone(),
                dynamic,
                Some("`mountpoint = \"/var/lib/private/app\"`"),
            ),
            (
                at("/srv/app"),
                dynamic,
                Some("`mountpoint = \"/var/lib/private/app\"`"),
            ),
            (
                at("/srv/app"),
                "DynamicUser=yes\n",
                Some("and StateDirectory=app in the unit"),
            ),
            (private.clone(), dynamic, None),
            (
                format!("{private}owner = \"app\"\n"),
                dynamic,
                Some("leave [user] out"),
            ),
            (
                format!("[user]\n{private}"),
                dynamic,
                Some("leave [user] out"),
            ),
            (state.clone(), fixed, None),
            (format!("[user]\n{state}"), fixed, None),
            (
                format!("{state}owner = \"other\"\n"),
                fixed,
                Some("write `owner = \"app\"`"),
            ),
            (format!("{state}owner = 0\n"), "StateDirectory=app\n", None),
            (
                format!("{}owner = \"other\"\n", at("/srv/app")),
                fixed,
                None,
            ),
        ] {
            let told = refusal(
                &declared::service("app", None, &text).unwrap(),
                &Unit::parse(unit),
            );
            match (wanted, told) {
                (None, told) => assert_eq!(told, None, "{text}{unit}"),
                (Some(wanted), Some((_, help))) => assert!(help.contains(wanted), "{help}"),
                (Some(_), None) => assert_eq!(wanted, None, "{text}{unit}"),
            }
        }
    }
}
