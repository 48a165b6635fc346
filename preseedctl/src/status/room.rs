//! How full the pools are, and what lets go of what is held, kept and staged in them.

use declaration::visible;
use protection::room::{Item, Level, Room};
use serde_json::{Value, json};

use crate::say::{print_raw, say_line};

/// Of how many it is told what they are.
const FEW: usize = 10;

/// Those of which something is to be told, the fullest first.
pub(super) fn told(rooms: &[Room]) -> Vec<&Room> {
    let little = rooms.iter().filter(|room| room.level() != Level::Enough);
    let mut little: Vec<&Room> = little.collect();
    little.sort_by_key(|room| {
        let percent = room.fill.as_ref().map(|fill| fill.percent);
        std::cmp::Reverse((room.level(), percent.unwrap_or_default()))
    });
    little
}

/// Prints them, below a blank line.
pub(super) fn print(rooms: &[Room]) {
    let little = told(rooms);
    if !little.is_empty() {
        print_raw!("\n");
    }
    for room in little {
        say_line!("{}", visible(&room.in_words()));
        for error in &room.errors {
            say_line!("  not known: {}", visible(&error.to_string()));
        }
        if room.fill.is_err() {
            continue;
        }
        for item in room.items.iter().take(FEW) {
            say_line!("  {}", visible(&item.in_words()));
        }
        if let Some(more @ 1..) = room.items.len().checked_sub(FEW) {
            say_line!("  {more} more: `preseedctl status --json` has them");
        }
        say_line!("  {}", visible(&room.rest()));
    }
}

/// What lies in them of a service.
pub(super) fn of<'r>(rooms: &'r [Room], service: &str) -> impl Iterator<Item = &'r Item> {
    let items = rooms.iter().flat_map(|room| &room.items);
    items.filter(move |item| item.service == service)
}

/// The exit status that they make.
pub(super) fn exit(rooms: &[Room]) -> u8 {
    let levels = rooms.iter().map(|room| room.level().exit());
    levels.max().unwrap_or_default()
}

/// All of them, as JSON.
pub(super) fn as_json(rooms: &[Room]) -> Value {
    let rooms = rooms.iter().map(|room| {
        let fill = room.fill.as_ref().ok();
        let items = room.items.iter().map(|item| {
            json!({
                "service": item.service,
                "what": item.what.word(),
                "bytes": item.bytes,
                "text": item.text,
                "command": item.command,
            })
        });
        let errors = room.fill.as_ref().err().into_iter().chain(&room.errors);
        json!({
            "pool": room.pool,
            "room": room.level().word(),
            "exit_status": room.level().exit(),
            "percent_full": fill.map(|fill| fill.percent),
            "size": fill.map(|fill| fill.size),
            "allocated": fill.map(|fill| fill.allocated),
            "items": items.collect::<Vec<_>>(),
            "errors": errors.map(ToString::to_string).collect::<Vec<_>>(),
        })
    });
    rooms.collect()
}
