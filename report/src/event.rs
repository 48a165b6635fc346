//! Things that happened, each of a kind that `journalctl -x` explains (`units/preseed.catalog`).

use std::fmt::Display;
use std::process::ExitCode;

use log::Level;
use log::kv::Value;

use crate::{hold, status};
use declaration::visible;

/// The kinds of events. Each has a message id of its own, for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A service's storage was created or changed to what is declared.
    StorageChanged,
    /// A service's storage is otherwise than declared, and stays so until somebody does something.
    StorageDiffers,
    /// A service's data was restored.
    Restored,
    /// A restore was undone.
    Undone,
    /// Data that was there already was taken for the service's.
    Adopted,
    /// No source has data: the service starts for the first time.
    Bootstrapped,
    /// What a restore had replaced was removed, or is kept although its time is over.
    Released,
    /// That a service had data was forgotten, since an admin said so.
    Forgotten,
    /// The user that a service runs as is not the one declared. Its storage is there: it starts.
    UserDiffers,
    /// A source could not be asked, and the declaration lets the service start empty.
    StartedEmpty,
    /// A restore that moves data has begun, or how far it is.
    Restoring,
    /// A unit that is declared does not exist, or does not wait for its data.
    Unguarded,
    /// A source was asked, and what it answered.
    SourceAnswered,
    /// A snapshot was not taken, and why.
    PassedOver,
    /// A service's data was backed up.
    BackedUp,
    /// A service's data was not backed up, or not all of it.
    NotBackedUp,
    /// A repository was looked after: backups were forgotten, or are held.
    Maintained,
    /// A repository was not looked after, or not in all that is to be done.
    NotMaintained,
    /// Snapshots were taken.
    SnapshotsTaken,
    /// A snapshot could not be taken, held or pruned.
    NoSnapshot,
    /// The last good snapshot of a service is held, since no newer one could prove itself.
    Held,
    /// A pool is nearly full, or how full it is cannot be told.
    LittleRoom,
    /// It was tried out whether a service's data can be restored.
    Drilled,
    /// The newest candidate of a tier cannot be restored, or the drill could not be made.
    NotProven,
    /// A restore goes on without a lock on its repository.
    WithoutLock,
    /// A restore failed, or no source could be asked: the service does not start.
    NotRestored,
    /// Only part of what is expected is there: the service does not start.
    PartlyThere,
    /// The declaration cannot be used: the service does not start.
    DeclarationBroken,
    /// The storage cannot be made what is declared: the service does not start.
    StorageFailed,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 29] = [
        Self::StorageChanged,
        Self::StorageDiffers,
        Self::Restored,
        Self::Undone,
        Self::Adopted,
        Self::Bootstrapped,
        Self::Released,
        Self::Forgotten,
        Self::UserDiffers,
        Self::StartedEmpty,
        Self::Restoring,
        Self::Unguarded,
        Self::SourceAnswered,
        Self::PassedOver,
        Self::BackedUp,
        Self::NotBackedUp,
        Self::Maintained,
        Self::NotMaintained,
        Self::SnapshotsTaken,
        Self::NoSnapshot,
        Self::Held,
        Self::LittleRoom,
        Self::Drilled,
        Self::NotProven,
        Self::WithoutLock,
        Self::NotRestored,
        Self::PartlyThere,
        Self::DeclarationBroken,
        Self::StorageFailed,
    ];

    /// Its message id: 128 bits in hexadecimal (sd_journal_send(3), `MESSAGE_ID=`).
    pub fn message_id(self) -> &'static str {
        match self {
            Self::StorageChanged => "e436f89b1c164c2fba805ea78dbd5d0d",
            Self::StorageDiffers => "4f0d8a6e2c7b49d1a3f5906b1e8c72d4",
            Self::Restored => "eb90ae9437fc4c5bb21dd7042df28821",
            Self::Undone => "5e0b9d3c7a1f4e6d8c24b7f09a61d3e8",
            Self::Adopted => "a860a46ff12c404b882e01b0ac7d894b",
            Self::Bootstrapped => "d5a360a35ec9464f857a7e65612b872b",
            Self::Released => "fa48db45c67941d7a32c682cda56b0fe",
            Self::Forgotten => "6f0e0b5d3c1f4b0f9a7f2f0a4c8d5e17",
            Self::UserDiffers => "3f5a1c8e72d94b06a1e8c7509db24f63",
            Self::StartedEmpty => "bc6b768087874ab5a39d1f6d34dd10b8",
            Self::Restoring => "7d1c2b0e4a5f4c8e9b63a0f2d8175e94",
            Self::Unguarded => "c40f3e1d9a7b4f52862ec5d17b09a3f6",
            Self::SourceAnswered => "1a0c54c1924a4530acc82a9dd898d1d7",
            Self::PassedOver => "56ddaaf7b2c94b81bdfa691ebdbd8e78",
            Self::BackedUp => "3b7e1f0c5d2a4e6f8a91c4b07d36e25f",
            Self::NotBackedUp => "9d40a7c2e8b14f73b5f6218c0e7ad394",
            Self::Maintained => "5e8c2d91b7f04a36a0d1e4c98b253f70",
            Self::NotMaintained => "c71f9e04a5d84b2e8633d0fa17e5b26c",
            Self::SnapshotsTaken => "8f2a6c35d94e4b07b1e8505fc3a7d162",
            Self::NoSnapshot => "e0d5b8a17c3f4962a94b7d20f68c1e53",
            Self::Held => "46b90fd3e21c4a85975e3ac8d10b7f6e",
            Self::LittleRoom => "b81d6e5f09a34c72a2f7c4180e93d65b",
            Self::Drilled => "a4e1c7309b5d4f28861f3d02e97b4c5a",
            Self::NotProven => "d97b20f4e6834c1ab05e8f6139c2d7e4",
            Self::WithoutLock => "0c9a6f7d2b5e4d1c8a3e51f6b7d2904e",
            Self::NotRestored => "37cd0b4a917d4798a521b5aa53356638",
            Self::PartlyThere => "266b003c24e340919c71237252580eff",
            Self::DeclarationBroken => "0a806173ffd84ea192b07813d2e8603d",
            Self::StorageFailed => "762528b5aa1842dd933046f8c8e03602",
        }
    }

    fn level(self) -> Level {
        match self {
            Self::StorageChanged
            | Self::Restored
            | Self::Undone
            | Self::Adopted
            | Self::Bootstrapped
            | Self::Released
            | Self::Forgotten
            | Self::Restoring
            | Self::BackedUp
            | Self::Maintained
            | Self::SnapshotsTaken
            | Self::Drilled
            | Self::SourceAnswered => Level::Info,
            Self::Unguarded
            | Self::UserDiffers
            | Self::StorageDiffers
            | Self::StartedEmpty
            | Self::PassedOver
            | Self::WithoutLock
            | Self::LittleRoom
            | Self::Held => Level::Warn,
            Self::NotRestored
            | Self::PartlyThere
            | Self::NotBackedUp
            | Self::NotMaintained
            | Self::NoSnapshot
            | Self::NotProven
            | Self::DeclarationBroken
            | Self::StorageFailed => Level::Error,
        }
    }
}

/// What is told, with the service's name first: `journalctl` shows the helpers of many services among each other. What
/// begins with the file of a declaration stays so.
fn named(kind: Kind, service: &str, message: &str) -> String {
    let has_name = message
        .strip_prefix(service)
        .is_some_and(|rest| rest.starts_with(": "));
    if has_name || service.is_empty() || matches!(kind, Kind::DeclarationBroken | Kind::Unguarded) {
        message.to_owned()
    } else {
        format!("{service}: {message}")
    }
}

/// One event, with the fields that the journal keeps apart (systemd.journal-fields(7)).
#[derive(Debug)]
pub struct Event<'a> {
    kind: Kind,
    service: &'a str,
    level: Level,
    message: String,
    fields: Vec<(&'static str, Value<'a>)>,
}

impl<'a> Event<'a> {
    /// An event of a service. `message` is one line.
    pub fn new(kind: Kind, service: &'a str, message: impl Into<String>) -> Self {
        let fields = vec![
            ("MESSAGE_ID", Value::from(kind.message_id())),
            ("PRESEED_SERVICE", Value::from(service)),
        ];
        Self {
            kind,
            service,
            level: kind.level(),
            // Much of it is what others said: a server, a program.
            message: visible(&message.into()),
            fields,
        }
    }

    /// An event of a part of this service: it is found under the service's name, and says which part it is of.
    #[must_use]
    pub fn of(mut self, service: &'a str) -> Self {
        for (field, value) in &mut self.fields {
            if *field == "PRESEED_SERVICE" {
                *value = Value::from(service);
            }
        }
        if service != self.service {
            self.fields
                .push(("PRESEED_PART", Value::from(self.service)));
        }
        self
    }

    /// The tier it is about.
    #[must_use]
    pub fn tier(mut self, tier: &'a str) -> Self {
        self.fields.push(("PRESEED_TIER", Value::from(tier)));
        self
    }

    /// The tier that a source of this name belongs to, if it belongs to one.
    #[must_use]
    pub fn source(self, source: &str) -> Self {
        match source {
            "rollback" => self.tier("rollback"),
            "clone" | "receive" | "copy" => self.tier("snapshot"),
            "restic" => self.tier("restic"),
            _ => self,
        }
    }

    /// How it came out: `restored`, `nothing-there`, `unavailable`, `failed`, ….
    #[must_use]
    pub fn outcome(mut self, outcome: &'a str) -> Self {
        self.fields.push(("PRESEED_OUTCOME", Value::from(outcome)));
        self
    }

    /// The kind of error that led to it, by its code (docs/errors.md).
    #[must_use]
    pub fn error(mut self, code: &'static str) -> Self {
        self.fields.push(("PRESEED_ERROR", Value::from(code)));
        self
    }

    /// The snapshot it is about.
    #[must_use]
    pub fn snapshot(mut self, snapshot: &'a str) -> Self {
        self.fields
            .push(("PRESEED_SNAPSHOT", Value::from(snapshot)));
        self
    }

    /// How many bytes of data it is about.
    #[must_use]
    pub fn bytes(mut self, bytes: u64) -> Self {
        self.fields.push(("PRESEED_BYTES", Value::from(bytes)));
        self
    }

    /// The pool it is about.
    #[must_use]
    pub fn pool(mut self, pool: &'a str) -> Self {
        self.fields.push(("PRESEED_POOL", Value::from(pool)));
        self
    }

    /// At the level of an error, where the kind's own is lower.
    #[must_use]
    pub fn failure(mut self) -> Self {
        self.level = Level::Error;
        self
    }

    /// At the level of a warning, where the kind's own is lower.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.level = self.level.min(Level::Warn);
        self
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What it says.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Tells it: to the journal or, by hand, to standard error.
    pub fn tell(&self) {
        let fields = self.fields.as_slice();
        log::logger().log(
            &log::Record::builder()
                .level(self.level)
                .target(module_path!())
                .args(format_args!(
                    "{}",
                    named(self.kind, self.service, &self.message)
                ))
                .key_values(&fields)
                .build(),
        );
    }
}

/// The code of the error that a declaration is which cannot be used.
pub const BROKEN_DECLARATION: &str = "declaration";

/// Tells why a service must not start, of the kind of error `code`: `line` as the status, and to the journal; or
/// `in_brief` to the journal, where it was told the rest before. Each is one line. An answer that was given just before is
/// held back a while.
pub fn refuse(kind: Kind, service: &str, code: &'static str, line: &str, in_brief: Option<&str>) {
    tell_refusal(kind, service, code, line, in_brief);
    hold::back(service, line);
}

fn tell_refusal(kind: Kind, service: &str, code: &'static str, line: &str, in_brief: Option<&str>) {
    status::set(line);
    let message = in_brief.unwrap_or(line);
    let event = Event::new(kind, service, message).outcome("refused");
    event.error(code).tell();
}

/// Tells why a service's declaration cannot be used, each of `problems` on one line. Gives the exit status that says
/// so (sysexits.h(3head), `EX_CONFIG`).
pub fn refuse_declaration(service: &str, problems: &[impl Display]) -> ExitCode {
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for problem in &problems {
        let kind = Kind::DeclarationBroken;
        tell_refusal(kind, service, BROKEN_DECLARATION, problem, None);
    }
    hold::back(service, problems.last().map_or("", String::as_str));
    ExitCode::from(78)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_message_begins_with_the_services_name_once() {
        for (kind, message, wanted) in [
            (
                Kind::Restored,
                "restored by restic",
                "app: restored by restic",
            ),
            (Kind::NotRestored, "app: not started", "app: not started"),
            (Kind::NotRestored, "app.db: gone", "app: app.db: gone"),
            (
                Kind::DeclarationBroken,
                "/x/app.toml:1:1: no",
                "/x/app.toml:1:1: no",
            ),
        ] {
            assert_eq!(named(kind, "app", message), wanted);
        }
        assert_eq!(named(Kind::Released, "", "released x"), "released x");
    }

    #[test]
    fn every_kind_is_explained_in_the_journal_catalog() {
        let catalog = include_str!("../../units/preseed.catalog");
        for kind in Kind::ALL {
            let id = kind.message_id();
            assert!(
                id.len() == 32 && id.chars().all(|c| c.is_ascii_hexdigit()),
                "{kind:?}: {id}"
            );
            assert_eq!(
                catalog.matches(&format!("-- {id}\n")).count(),
                1,
                "{kind:?}: {id}"
            );
        }
    }
}
