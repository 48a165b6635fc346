//! `preseedctl status [NAME…]`

mod facts;
mod gather;
mod judge;
mod known;
mod more;
mod page;
mod room;
mod state;
mod table;
mod told;

use std::collections::BTreeSet;
use std::process::ExitCode;

use declaration::Search;
use declaration::settings::{Host, Service};
use jiff::Timestamp;
use protection::room::Room;
use report::words;
use restore::interrupt;

use self::gather::{Depth, gather};
use self::judge::judge;
use self::more::More;
use self::state::State;
use self::told::Told;
use crate::say::print_raw;

/// Prints how it is with all services, or with some.
pub(crate) fn status(names: &[String], json: bool, ask: bool) -> ExitCode {
    let mut host = declaration::load(&Search::from_env());
    let mut worst = State::Well.exit();
    if names.is_empty() {
        worst = worst.max(tell_what_breaks_no_service(&host));
    }
    let all = host.services.clone();
    for name in only(&mut host, names) {
        words::tell(&format!(
            "{name}: no service of this name is declared: `preseedctl status` lists those that are"
        ));
        worst = State::Down.exit();
    }
    interrupt::watch("interrupted: nothing was changed".to_owned());
    let told = told(&host, &all, !names.is_empty(), ask);
    // What failed since an interrupt is no answer.
    interrupt::halt();
    let (mut told, rooms) = match told {
        Ok(told) => told,
        Err(error) => {
            words::tell(&error.to_string());
            return ExitCode::from(State::Down.exit());
        }
    };
    told.sort_by(|a, b| {
        b.state()
            .cmp(&a.state())
            .then_with(|| a.name().cmp(b.name()))
    });
    worst = told
        .iter()
        .map(|told| told.state().exit())
        .fold(worst.max(room::exit(&rooms)), u8::max);
    if json {
        print_raw!("{:#}\n", told::as_json(&told, &rooms, ask, worst));
    } else if names.is_empty() {
        table::print(&told, &rooms, ask);
    } else {
        pages(&told, &rooms);
    }
    ExitCode::from(worst)
}

fn pages(told: &[Told], rooms: &[Room]) {
    for (number, told) in told.iter().enumerate() {
        if number > 0 {
            print_raw!("\n");
        }
        page::print(told, rooms);
    }
    room::print(rooms);
}

/// Tells the mistakes that break no service. Gives the exit status that they make.
fn tell_what_breaks_no_service(host: &Host) -> u8 {
    let of_broken: BTreeSet<String> = host
        .broken
        .iter()
        .flat_map(|broken| &broken.problems)
        .map(ToString::to_string)
        .collect();
    let problems = host.problems.iter().map(ToString::to_string);
    let mut others = problems.filter(|problem| !of_broken.contains(problem));
    let Some(first) = others.next() else {
        return State::Well.exit();
    };
    let more = match others.count() {
        0 => String::new(),
        more => format!("; {more} more: `preseedctl check`"),
    };
    words::tell(&format!("{first}{more}"));
    State::NeedsALook.exit()
}

/// Leaves of the host only these services, if any are named. Gives the names that none has.
fn only(host: &mut Host, names: &[String]) -> Vec<String> {
    if names.is_empty() {
        return Vec::new();
    }
    host.services
        .retain(|service| names.iter().any(|name| name == service.name.as_str()));
    host.broken.retain(|broken| names.contains(&broken.name));
    let is_declared = |name: &String| {
        let mut services = host.services.iter();
        let mut broken = host.broken.iter();
        services.any(|service| service.name.as_str() == name)
            || broken.any(|broken| broken.name == *name)
    };
    let unknown = names.iter().filter(|name| !is_declared(name));
    unknown.cloned().collect()
}

/// What is to be told of each service, and of their pools, in which `all` may have something. `in_full`: a page of each.
fn told(
    host: &Host,
    all: &[Service],
    in_full: bool,
    ask: bool,
) -> storage::Result<(Vec<Told>, Vec<Room>)> {
    let now = Timestamp::now();
    let depth = Depth {
        far: ask,
        snapshots: in_full,
    };
    let (facts, pools) = gather(&host.services, depth)?;
    let sound = facts.into_iter().zip(&host.services);
    let sound = sound.map(|(facts, service)| {
        let judged = judge(&facts, now);
        Told::Sound(Box::new(told::Sound {
            more: in_full.then(|| More::of(host, service)),
            facts,
            judged,
            now,
        }))
    });
    let broken = host.broken.iter().map(|broken| Told::Broken {
        name: broken.name.clone(),
        problems: broken.problems.iter().map(ToString::to_string).collect(),
    });
    let rooms = pools.into_iter().map(|pool| Room::of(pool, all));
    Ok((sound.chain(broken).collect(), rooms.collect()))
}
