//! `[user]` of a service's file: the user that it runs as, which is made where it is missing.

use std::str::FromStr;

use super::key::keys;
use super::outcome::Outcome;
use crate::given::{At, Given};
use crate::location::Location;
use crate::validation::Validation;
use crate::value::{AccountId, AccountName, Invalid, Principal, Value, one_of, word_of};

keys! {
    /// The user that the service runs as. With this table, user, group and memberships are made before anything is given
    /// to them, by systemd-sysusers, where they are missing. What is there is never changed: if it has another number,
    /// or the number is somebody else's, no storage is made and nothing is restored, and the status names both; a service
    /// whose data is there starts with a warning.
    table "[user]";
    instead {
        "id" => "write `uid` and `gid`",
        "home" => "systemd-sysusers gives it `/`: make the user by hand if it needs another, and leave it declared here",
        "shell" => "the user of a service gets none",
    }

    /// The user's name, as systemd-sysusers takes it: at most 31 ASCII letters, digits, `_` and `-`, of which the first is a
    /// letter or `_`. The directory's `owner` in `[dataset]` is this user unless it says otherwise.
    name: AccountName = "name", default "the service's name", example "\"sonarr\"";

    /// The user's number, from 1 to 4294967294, but not 65534 or 65535, which mean nobody. Services that
    /// share a user give it the same number, or none.
    uid: AccountId = "uid", default "what the user has; else systemd-sysusers takes a free one", example "568";

    /// The number of its group; the same numbers may be given.
    gid: AccountId = "gid", default "what the group has; else systemd-sysusers takes a free one, the user's if it can", example "568";

    /// The name of its own (primary) group. The directory's `group` in `[dataset]` is this group unless it says otherwise.
    group: AccountName = "group", default "the user's name", example "\"media\"";

    /// Further groups that it is a member of. Those that are missing are made.
    groups: Vec<AccountName> = "groups", default "`[]`", example "[\"media\"]";

    /// What is given to the directory's owner and group after a restore: `directory`, only the directory itself; or
    /// `contents`, also all that lies in it, where the backup is of a machine on which the user had another number.
    /// Data that is there is never given to somebody else.
    chown: Chown = "chown", default "`\"directory\"`", example "\"contents\"";
}

/// The user that a service runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: AccountName,
    /// Its number; `None`: any.
    pub uid: Option<u32>,
    /// Its group's number; `None`: any.
    pub gid: Option<u32>,
    /// Its own group.
    pub group: AccountName,
    /// The further groups that it is a member of.
    pub groups: Vec<AccountName>,
    /// What is given to it after a restore.
    pub chown: Chown,
}

/// What is given to the directory's owner and group after a restore.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Chown {
    /// The directory itself (`chown = "directory"`).
    #[default]
    Directory,
    /// Also all that lies in it (`chown = "contents"`).
    Contents,
}

impl Chown {
    const WORDS: [(&str, Self); 2] = [("directory", Self::Directory), ("contents", Self::Contents)];
}

impl FromStr for Chown {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        one_of("`chown`", text, Self::WORDS)
    }
}

impl Value for Chown {
    const EXAMPLE: &'static str = "\"contents\"";
}

/// Each key's value as it holds in the end.
pub(crate) fn outcome(user: Option<&User>) -> Vec<(&'static str, Outcome)> {
    let of = |value: fn(&User) -> Outcome| Outcome::or_nothing(user, value);
    let number = |id: Option<u32>| {
        Outcome::or_nothing(id.and_then(|id| usize::try_from(id).ok()), Outcome::Number)
    };
    vec![
        ("name", of(|user| Outcome::text(&user.name))),
        ("uid", number(user.and_then(|user| user.uid))),
        ("gid", number(user.and_then(|user| user.gid))),
        ("group", of(|user| Outcome::text(&user.group))),
        ("groups", of(|user| Outcome::texts(&user.groups))),
        (
            "chown",
            of(|user| Outcome::text(word_of(&user.chown, &Chown::WORDS))),
        ),
    ]
}

/// User and group by name, if the table is there.
#[derive(Debug)]
pub(crate) struct Checked {
    name: At<AccountName>,
    group: At<AccountName>,
    /// Where their numbers are declared.
    pub(crate) numbers: [Location; 2],
}

impl Fragment {
    /// Checks the names; the user's is the service's unless declared. `table`: where the table is, if it is. What is wrong
    /// is noted.
    pub(crate) fn check(
        &mut self,
        validation: &mut Validation<'_>,
        table: Option<&At<()>>,
    ) -> Option<Checked> {
        let table = table?;
        let name = match std::mem::take(&mut self.name) {
            Given::Value(at) => at,
            Given::Unreadable => return None,
            Given::No => {
                let name = validation.name?.as_str().parse::<AccountName>();
                let name = name.map_err(|Invalid { what, .. }| {
                    Invalid::new(
                        what,
                        "name the service's user in [user], e.g. name = \"sonarr\"",
                    )
                });
                let value = validation.ok_or_note(table.location, name)?;
                At {
                    value,
                    location: table.location,
                    layer: table.layer,
                }
            }
        };
        let group = match std::mem::take(&mut self.group) {
            Given::Value(at) => at,
            Given::Unreadable => return None,
            Given::No => name.clone(),
        };
        Some(Checked {
            name,
            group,
            numbers: [self.uid.location(), self.gid.location()],
        })
    }

    /// The settings, if every value is there: `Some(None)` without the table.
    #[expect(
        clippy::option_option,
        reason = "no user is not the same as one that could not be read"
    )]
    pub(crate) fn settle(self, checked: Option<Checked>) -> Option<Option<User>> {
        let Some(Checked { name, group, .. }) = checked else {
            return Some(None);
        };
        let number = |given: Given<AccountId>| given.map(|AccountId(id)| Some(id)).or(None);
        Some(Some(User {
            name: name.value,
            uid: number(self.uid)?,
            gid: number(self.gid)?,
            group: group.value,
            groups: self.groups.or(Vec::new())?,
            chown: self.chown.or(Chown::default())?,
        }))
    }
}

impl Checked {
    /// Whom the directory belongs to unless `[dataset]` says otherwise.
    pub(crate) fn owns(&self, owner: &mut Given<Principal>, group: &mut Given<Principal>) {
        for (given, account) in [(owner, &self.name), (group, &self.group)] {
            if given.is_absent() {
                let account = account.clone().map(|AccountName(name)| Principal(name));
                *given = Given::Value(account);
            }
        }
    }
}
