//! Whether the user that a service is declared to run as is the one that is known here, and what of it is missing.

use std::collections::BTreeMap;

use declaration::layer::{Declared, Layer};
use declaration::settings::{Service, User};
use declaration::value::Principal;

use crate::{Error, ErrorKind, Result, accounts, shown};

/// What this machine knows of a declared user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// All of it, as declared.
    AsDeclared,
    /// Something is missing, and nothing that is there differs: these lines would make it (sysusers.d(5)), each with what
    /// it makes, in words.
    Missing(Vec<(String, String)>),
}

/// Looks for the user, its group and its memberships, by name and by number.
///
/// # Errors
/// When something of it is there and is not what is declared, or when it cannot be asked for.
pub fn look(service: &Service, user: &User) -> Result<Found> {
    let of = |known: Known| compare(user, service.name.as_str(), &known);
    let found = Known::ask(user).map(of).map_err(|error| {
        Error::new(
            shown(&service.source),
            format!("cannot ask for the user `{}`: {error}", user.name),
            "see that the sources in /etc/nsswitch.conf answer",
        )
        .that_heals()
        .of_kind(ErrorKind::Unreachable)
    })?;
    found.map_err(|(what, help)| {
        Error::new(shown(&service.source), what, help).of_kind(ErrorKind::UserDiffers)
    })
}

/// That no other user is known here than the one declared, if one is. One that is missing is made at a start, before
/// anything else.
///
/// # Errors
/// When another is, or when it cannot be told.
pub fn must_not_differ(service: &Service) -> Result<()> {
    match &service.user {
        Some(user) => look(service, user).map(drop),
        None => Ok(()),
    }
}

/// The service as it is to be applied where its user is not the one declared: what is there keeps whom it belongs to.
#[must_use]
pub fn given_to_nobody(mut service: Service) -> Service {
    for whose in [&mut service.owner, &mut service.group] {
        *whose = Declared {
            value: Principal::of_id(0),
            layer: Layer::Default,
        };
    }
    service
}

/// The number of a user that is given by its name or number; `None`: it is not known.
#[must_use]
pub fn uid_of(user: &str) -> Option<u32> {
    if let Ok(number) = user.parse() {
        return Some(number);
    }
    let user = accounts::user(user).ok().flatten();
    user.map(|user| user.uid.as_raw())
}

/// The error that something of a user is missing.
#[must_use]
pub fn missing(service: &Service, lines: &[(String, String)]) -> Error {
    let what: Vec<&str> = lines.iter().map(|(_, what)| what.as_str()).collect();
    let lines: Vec<String> = lines.iter().map(|(line, _)| format!("'{line}'")).collect();
    Error::new(
        shown(&service.source),
        format!("this is declared and not there: {}", what.join(", ")),
        format!(
            "see what `systemd-sysusers --inline {}` says",
            lines.join(" ")
        ),
    )
    .of_kind(ErrorKind::Gone)
}

/// An account, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Account {
    name: String,
    id: u32,
}

/// What is known of a declared user's name and number, and of its groups.
#[derive(Debug, Default)]
struct Known {
    /// Who has the user's name: its number, that of its own group, and those of all its groups.
    user: Option<(u32, u32, Vec<u32>)>,
    /// Who has the user's number.
    of_uid: Option<Account>,
    /// The group that has the group's name.
    group: Option<u32>,
    /// Who has the group's number.
    of_gid: Option<Account>,
    /// The further groups that are there, with their numbers.
    groups: BTreeMap<String, u32>,
    /// What the user's own group is called.
    primary: Option<String>,
}

impl Known {
    fn ask(declared: &User) -> std::result::Result<Self, accounts::Unknown> {
        let mut known = Self::default();
        if let Some(user) = accounts::user(declared.name.as_str())? {
            let groups = accounts::groups_of(&user)?;
            let primary = accounts::group_of(user.gid.as_raw())?;
            known.primary = primary.map(|group| group.name);
            known.user = Some((user.uid.as_raw(), user.gid.as_raw(), groups));
        }
        if let Some(uid) = declared.uid {
            known.of_uid = accounts::user_of(uid)?.map(|user| Account {
                name: user.name,
                id: uid,
            });
        }
        let group = accounts::group(declared.group.as_str())?;
        known.group = group.map(|group| group.gid.as_raw());
        if let Some(gid) = declared.gid {
            known.of_gid = accounts::group_of(gid)?.map(|group| Account {
                name: group.name,
                id: gid,
            });
        }
        for name in &declared.groups {
            if let Some(group) = accounts::group(name.as_str())? {
                known.groups.insert(group.name, group.gid.as_raw());
            }
        }
        Ok(known)
    }
}

/// What of a declared user is missing; or else what differs, and what to do.
fn compare(
    declared: &User,
    service: &str,
    known: &Known,
) -> std::result::Result<Found, (String, String)> {
    let (name, group) = (declared.name.as_str(), declared.group.as_str());
    let uid = known.user.as_ref().map(|(uid, ..)| *uid);
    let uids = (uid, declared.uid);
    must_be_one("user", "uid", name, uids, known.of_uid.as_ref())?;
    let gids = (known.group, declared.gid);
    must_be_one("group", "gid", group, gids, known.of_gid.as_ref())?;
    if let Some((_, gid, _)) = &known.user
        && known.group != Some(*gid)
    {
        let is = known.primary.clone().unwrap_or_else(|| gid.to_string());
        return Err((
            format!("the user `{name}` has the group `{is}` here, and `{group}` is declared"),
            format!(
                "write `group = \"{is}\"` in [user], or see what else uses the user and `usermod --gid {group} {name}`"
            ),
        ));
    }
    let missing = missing_of(declared, service, known);
    Ok(if missing.is_empty() {
        Found::AsDeclared
    } else {
        Found::Missing(missing)
    })
}

/// What would make what is missing.
fn missing_of(declared: &User, service: &str, known: &Known) -> Vec<(String, String)> {
    let (name, group) = (declared.name.as_str(), declared.group.as_str());
    let number = |id: Option<u32>| id.map_or_else(|| "-".to_owned(), |id| id.to_string());
    let in_words = |id: Option<u32>| id.map_or_else(String::new, |id| format!(" ({id})"));
    let mut missing = Vec::new();
    // Without a number of its own, the group gets the user's: it is made with the user.
    let is_made_with_user = known.group.is_none() && declared.gid.is_none() && name == group;
    if known.group.is_none() && !is_made_with_user {
        missing.push((
            format!("g {group} {}", number(declared.gid)),
            format!("the group `{group}`{}", in_words(declared.gid)),
        ));
    }
    if known.user.is_none() {
        let of_group = if is_made_with_user {
            String::new()
        } else {
            format!(":{group}")
        };
        missing.push((
            format!(
                "u {name} {}{of_group} \"Service {}\"",
                number(declared.uid),
                // What separates the fields of passwd(5).
                service.replace(':', "-")
            ),
            format!("the user `{name}`{}", in_words(declared.uid)),
        ));
    }
    for further in declared.groups.iter().filter(|one| **one != declared.group) {
        let is_member = match (&known.user, known.groups.get(further.as_str())) {
            (Some((_, _, groups)), Some(gid)) => groups.contains(gid),
            _ => false,
        };
        if !is_member {
            missing.push((
                format!("m {name} {further}"),
                format!("the membership of `{name}` in `{further}`"),
            ));
        }
    }
    missing
}

/// That who has the name has the number, and who has the number has the name. `ids`: what it is, and what is declared.
fn must_be_one(
    kind: &str,
    key: &str,
    name: &str,
    (is, declared): (Option<u32>, Option<u32>),
    of_id: Option<&Account>,
) -> std::result::Result<(), (String, String)> {
    let Some(declared) = declared else {
        return Ok(());
    };
    let others = of_id.filter(|account| account.name != name);
    let taken = others.map(|other| format!(", which is the {kind} `{}`", other.name));
    match (is, others) {
        (Some(is), _) if is != declared => Err((
            format!(
                "the {kind} `{name}` has the number {is} here, and {declared} is declared{}",
                taken.unwrap_or_default()
            ),
            format!(
                "write `{key} = {is}` in [user] (what a restore brings may be {declared}'s: `chown = \"contents\"`), or \
                 give the {kind} that number once nothing runs as it"
            ),
        )),
        (_, Some(other)) => Err((
            format!(
                "the number {} is declared for the {kind} `{name}`, and it is that of the {kind} `{}` here",
                other.id, other.name
            ),
            format!("write another `{key}` in [user], or the {kind} that has it"),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use declaration::settings::Chown;

    fn declared() -> User {
        let text = "[user]\nuid = 568\ngid = 568\ngroups = [\"media\"]\n";
        let service = declared::service("sonarr", None, text).unwrap();
        let user = service.user.unwrap();
        assert_eq!(user.chown, Chown::Directory);
        user
    }

    #[expect(clippy::unnecessary_wraps, reason = "an account, or none")]
    fn account(name: &str) -> Option<Account> {
        Some(Account {
            name: name.to_owned(),
            id: 568,
        })
    }

    /// As declared.
    fn known() -> Known {
        Known {
            user: Some((568, 568, vec![568, 999])),
            of_uid: account("sonarr"),
            group: Some(568),
            of_gid: account("sonarr"),
            groups: BTreeMap::from([("media".to_owned(), 999)]),
            primary: Some("sonarr".to_owned()),
        }
    }

    fn lines(declared: &User, known: &Known) -> Vec<String> {
        match compare(declared, "sonarr", known).unwrap() {
            Found::AsDeclared => Vec::new(),
            Found::Missing(lines) => lines.into_iter().map(|(line, _)| line).collect(),
        }
    }

    #[test]
    fn what_is_missing_is_made() {
        let mut user = declared();
        assert!(lines(&user, &known()).is_empty());
        let nobody = Known::default();
        assert_eq!(
            lines(&user, &nobody),
            [
                "g sonarr 568",
                "u sonarr 568:sonarr \"Service sonarr\"",
                "m sonarr media"
            ]
        );
        let not_a_member = Known {
            user: Some((568, 568, vec![568])),
            ..known()
        };
        assert_eq!(lines(&user, &not_a_member), ["m sonarr media"]);
        user.gid = None;
        user.groups.clear();
        assert_eq!(lines(&user, &nobody), ["u sonarr 568 \"Service sonarr\""]);
        user.uid = None;
        assert_eq!(lines(&user, &nobody), ["u sonarr - \"Service sonarr\""]);
        let only_group = Known {
            group: Some(700),
            ..Known::default()
        };
        assert_eq!(
            lines(&user, &only_group),
            ["u sonarr -:sonarr \"Service sonarr\""]
        );
    }

    #[test]
    fn what_differs_names_both() {
        let user = declared();
        let mut cases = Vec::new();
        cases.push((
            Known {
                user: Some((999, 568, vec![568, 999])),
                of_uid: None,
                ..known()
            },
            "the user `sonarr` has the number 999 here, and 568 is declared",
        ));
        cases.push((
            Known {
                user: Some((999, 568, vec![568, 999])),
                of_uid: account("apps"),
                ..known()
            },
            "the user `sonarr` has the number 999 here, and 568 is declared, which is the user `apps`",
        ));
        cases.push((
            Known {
                of_uid: account("apps"),
                ..Known::default()
            },
            "the number 568 is declared for the user `sonarr`, and it is that of the user `apps` here",
        ));
        // Two names of one number: what is whose cannot be told.
        cases.push((
            Known {
                of_uid: account("apps"),
                ..known()
            },
            "the number 568 is declared for the user `sonarr`, and it is that of the user `apps` here",
        ));
        cases.push((
            Known {
                group: Some(7),
                of_gid: None,
                ..known()
            },
            "the group `sonarr` has the number 7 here, and 568 is declared",
        ));
        cases.push((
            Known {
                of_gid: account("apps"),
                ..Known::default()
            },
            "the number 568 is declared for the group `sonarr`, and it is that of the group `apps` here",
        ));
        cases.push((
            Known {
                user: Some((568, 100, vec![100, 999])),
                primary: Some("users".to_owned()),
                ..known()
            },
            "the user `sonarr` has the group `users` here, and `sonarr` is declared",
        ));
        for (known, what) in cases {
            let told = compare(&user, "sonarr", &known).unwrap_err();
            assert_eq!(told.0, what);
        }
    }
}
