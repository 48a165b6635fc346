//! Which source is next: a pure function of what is known of each.

use declaration::settings::Prefer;
use jiff::Timestamp;

/// What is known of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was not asked yet.
    NotAsked,
    /// The newest of its snapshots that holds the data and did not fail.
    Candidate {
        /// When it was taken.
        taken: Timestamp,
        /// Whether it is older than its tier's `max-age`.
        late: bool,
    },
    /// It has no such snapshot, or cannot be used.
    Out,
}

/// What is next; the numbers are those of the sources, in their declared order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// This source is asked.
    Ask(usize),
    /// The candidate of this source is restored.
    Try(usize),
    /// No source is left.
    Nothing,
}

/// Decides from the sources' standings, given in their declared order.
///
/// - `order`: the first source whose candidate is not late; those after it are not asked. If all candidates are late,
///   the first of them.
/// - `newest`: all are asked; then the newest candidate that is not late, and if all are, the newest of them.
///   Of two that were taken in the same second, the first in order.
pub fn next(standings: &[Standing], prefer: Prefer) -> Next {
    let not_asked = |standing: &Standing| *standing == Standing::NotAsked;
    let in_time = |standing: &Standing| matches!(standing, Standing::Candidate { late: false, .. });
    let first = match prefer {
        Prefer::Order => standings
            .iter()
            .position(|standing| not_asked(standing) || in_time(standing)),
        Prefer::Newest => standings.iter().position(not_asked),
    };
    match first {
        Some(number) if not_asked(&standings[number]) => return Next::Ask(number),
        Some(number) => return Next::Try(number),
        None => {}
    }
    let candidates = standings
        .iter()
        .enumerate()
        .filter_map(|(number, standing)| match standing {
            Standing::Candidate { taken, late } => Some((number, *taken, *late)),
            Standing::NotAsked | Standing::Out => None,
        });
    let best = match prefer {
        // Only late ones are left.
        Prefer::Order => candidates.min_by_key(|(number, ..)| *number),
        Prefer::Newest => candidates
            .min_by_key(|(number, taken, late)| (*late, std::cmp::Reverse(*taken), *number)),
    };
    best.map_or(Next::Nothing, |(number, ..)| Next::Try(number))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn standing() -> impl Strategy<Value = Standing> {
        prop_oneof![
            Just(Standing::NotAsked),
            Just(Standing::Out),
            (0_i64..5, any::<bool>()).prop_map(|(second, late)| Standing::Candidate {
                taken: Timestamp::from_second(second).unwrap(),
                late,
            }),
        ]
    }

    fn candidate(standing: &Standing) -> Option<(bool, std::cmp::Reverse<Timestamp>)> {
        match standing {
            Standing::Candidate { taken, late } => Some((*late, std::cmp::Reverse(*taken))),
            _ => None,
        }
    }

    proptest! {
        #[test]
        fn nothing_is_left_out_and_nothing_is_tried_that_is_no_candidate(
            standings in prop::collection::vec(standing(), 0..6), newest: bool
        ) {
            let prefer = if newest { Prefer::Newest } else { Prefer::Order };
            match next(&standings, prefer) {
                Next::Ask(number) => prop_assert_eq!(standings[number], Standing::NotAsked),
                Next::Try(number) => prop_assert!(candidate(&standings[number]).is_some()),
                Next::Nothing => prop_assert!(standings.iter().all(|standing| *standing == Standing::Out)),
            }
        }

        #[test]
        fn the_newest_is_preferred_once_all_were_asked(
            standings in prop::collection::vec(standing(), 0..6)
        ) {
            if let Next::Try(number) = next(&standings, Prefer::Newest) {
                prop_assert!(!standings.contains(&Standing::NotAsked));
                let best = standings.iter().filter_map(candidate).min();
                prop_assert_eq!(candidate(&standings[number]), best);
            }
        }

        #[test]
        fn in_order_a_source_comes_before_all_later_ones_unless_it_is_late(
            standings in prop::collection::vec(standing(), 0..6)
        ) {
            if let Next::Try(number) = next(&standings, Prefer::Order) {
                let late = |standing: &Standing| candidate(standing).is_none_or(|(late, _)| late);
                prop_assert!(standings[..number].iter().all(late));
                prop_assert!(!standings[..number].contains(&Standing::NotAsked));
                if late(&standings[number]) {
                    prop_assert!(standings.iter().all(late));
                    prop_assert!(!standings.contains(&Standing::NotAsked));
                    prop_assert!(standings[..number].iter().all(|standing| candidate(standing).is_none()));
                }
            }
        }
    }
}
