//! `preseedctl drill NAME`

use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use declaration::Search;
use declaration::value::TierName;
use restore::drill::{self, Order};
use restore::interrupt;

use crate::agreed::exit;
use crate::one_service;
use crate::say::say_line;

/// The tiers that can be named, which a shell completes.
pub(crate) fn tiers() -> impl TypedValueParser<Value = TierName> {
    let words = PossibleValuesParser::new(TierName::ALL.map(TierName::as_str));
    words.try_map(|word| word.parse::<TierName>())
}

/// Drills a service now. Each result is told as it comes.
pub(crate) fn drill(name: &str, tier: Option<TierName>) -> ExitCode {
    let Some(service) = one_service::load(&Search::from_env(), name) else {
        return ExitCode::FAILURE;
    };
    interrupt::watch(format!(
        "interrupted: all that this run had started is ended. A part of a copy may be left where drills restore, and nothing \
         uses it: the next drill of {name} throws it away"
    ));
    let ended = drill::drill(
        &service,
        Order {
            tier,
            by_hand: true,
        },
    );
    storage::interrupt::halt();
    exit(ended.map(|results| {
        let summary = drill::summary(&results);
        say_line!("{name}: {summary}; the service is as it was");
        drill::is_well(&results)
    }))
}
