//! Room: how full the pools of services are, what preseed holds, keeps and has staged in them, and which command lets go of it.

mod items;
mod level;
mod told;

use declaration::settings::{Host, Service};
use report::progress::bytes;
use report::words::typed;
use report::{Event, Kind};
use storage::pools::{Fill, Pool};
use storage::{Error, Result, survey};

use crate::record;
pub use items::{Item, What};
pub use level::{ALMOST, Level, NEARLY};

/// How many of the largest are told in an event.
const FEW: usize = 5;

/// A pool, and what may be released in it.
#[derive(Debug)]
pub struct Room {
    /// The pool's name.
    pub pool: String,
    /// How full it is, or why that cannot be told.
    pub fill: Result<Fill>,
    /// What lies in it of services besides their data, the largest first.
    pub items: Vec<Item>,
    /// What could not be looked at.
    pub errors: Vec<Error>,
}

impl Room {
    /// What was seen of a pool, in which these services are, and others perhaps.
    #[must_use]
    pub fn of(pool: Pool, services: &[Service]) -> Self {
        let mut errors = Vec::new();
        let datasets = pool.datasets.unwrap_or_else(|error| {
            errors.push(error);
            Vec::new()
        });
        let (items, untold) = items::of(&datasets, services, &|name| record::read(name));
        errors.extend(untold);
        Self {
            pool: pool.name,
            fill: pool.fill,
            items,
            errors,
        }
    }

    /// How it is.
    #[must_use]
    pub fn level(&self) -> Level {
        Level::of(&self.fill)
    }

    /// How full the pool is, in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        match &self.fill {
            Ok(fill) => format!(
                "pool {} is {}% full: {} of {}",
                self.pool,
                fill.percent,
                bytes(fill.allocated),
                bytes(fill.size)
            ),
            Err(error) => format!("pool {}: how full it is is not known: {error}", self.pool),
        }
    }

    /// What takes the room if it is none of this, and how to see it.
    #[must_use]
    pub fn rest(&self) -> String {
        format!(
            "the rest is data, or somebody else's: `zfs list -o space -r {}` shows what takes it",
            typed(&self.pool)
        )
    }

    /// All of it in one line, with the largest few of what may be released.
    fn line(&self) -> String {
        let mut told = vec![self.in_words()];
        if self.fill.is_err() {
            return told.remove(0);
        }
        told.extend(self.items.iter().take(FEW).map(Item::in_words));
        if let Some(more @ 1..) = self.items.len().checked_sub(FEW) {
            told.push(format!("{more} more: `preseedctl status` has them"));
        }
        let errors = self.errors.iter();
        told.extend(errors.map(|error| format!("not known: {error}")));
        told.push(self.rest());
        told.join("; ")
    }
}

/// Looks at the pools of all services, and tells of those that are nearly full: at once, and then once a day.
///
/// # Errors
/// When it cannot be noted what was told. It was told all the same.
pub fn look(host: &Host) -> Result<()> {
    let parts = host.parts();
    let parts: Vec<&Service> = parts.iter().collect();
    let pools = survey::pools(&parts, |fill| fill.percent >= NEARLY);
    let rooms = pools.into_iter().map(|pool| Room::of(pool, &host.services));
    let mut rooms: Vec<Room> = rooms.collect();
    rooms.sort_by_key(|room| {
        let percent = room.fill.as_ref().map(|fill| fill.percent);
        std::cmp::Reverse((room.level(), percent.unwrap_or_default()))
    });
    let seen = rooms.iter().map(|room| {
        let percent = room.fill.as_ref().ok().map(|fill| fill.percent);
        (room.pool.as_str(), room.level(), percent)
    });
    told::of_all(&seen.collect::<Vec<_>>(), |at| tell(&rooms[at]))
}

fn tell(room: &Room) {
    let released = room.items.iter().filter(|item| item.command.is_some());
    let event = Event::new(Kind::LittleRoom, "", room.line());
    let event = event.pool(&room.pool).outcome(room.level().word());
    let event = match &room.fill {
        Ok(_) => event
            .error(storage::ErrorKind::NoSpace.code())
            .bytes(released.map(|item| item.bytes).sum()),
        Err(error) => event.error(error.kind().code()),
    };
    if room.level() == Level::AlmostFull {
        event.failure().tell();
    } else {
        event.tell();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn room(percent: u64, items: usize) -> Room {
        let item = |number: usize| Item {
            service: format!("app{number}"),
            what: What::Kept,
            bytes: 1 << 20,
            text: "kept, until".to_owned(),
            command: Some(format!("preseedctl release app{number}")),
        };
        Room {
            pool: "tank".to_owned(),
            fill: Ok(Fill {
                size: 1 << 30,
                allocated: 1 << 29,
                percent,
            }),
            items: (0..items).map(item).collect(),
            errors: Vec::new(),
        }
    }

    #[test]
    fn a_pool_is_told_of_from_eighty_hundredths_on_and_one_that_says_nothing_is_never_well() {
        for (percent, level, exit) in [
            (0, Level::Enough, 0),
            (79, Level::Enough, 0),
            (80, Level::NearlyFull, 1),
            (89, Level::NearlyFull, 1),
            (90, Level::AlmostFull, 2),
            (100, Level::AlmostFull, 2),
        ] {
            let level_of = room(percent, 0).level();
            assert_eq!((level_of, level_of.exit()), (level, exit), "{percent}");
        }
        let mut silent = room(0, 3);
        silent.fill = Err(Error::new("tank", "it is suspended", "see it"));
        assert_eq!((silent.level(), silent.level().exit()), (Level::Unknown, 1));
        assert_eq!(
            silent.line(),
            "pool tank: how full it is is not known: tank: it is suspended: see it"
        );
    }

    #[test]
    fn an_event_has_the_bytes_and_the_commands_of_the_largest_few() {
        assert_eq!(
            room(95, 1).line(),
            "pool tank is 95% full: 512.00 MiB of 1.00 GiB; app0: 1.00 MiB kept, until `preseedctl release app0`; the rest \
             is data, or somebody else's: `zfs list -o space -r tank` shows what takes it"
        );
        let many = room(95, 300).line();
        assert!(
            many.contains("; 295 more: `preseedctl status` has them"),
            "{many}"
        );
        assert!(many.contains("app4") && !many.contains("app5"), "{many}");
    }
}
