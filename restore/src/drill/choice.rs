//! Which of a source's older candidates is drilled beside the newest.

use std::hash::{BuildHasher, RandomState};

use crate::proof::{Drilled, Which};

/// Of so many candidates that are older than the newest (the newest of them first): which one it is the turn of, and the
/// numbers of those that are looked at for it, in that order, until one holds the data. `last`: which older one was drilled
/// last. `random` chooses the middle one.
pub(super) fn older(
    count: usize,
    last: Option<Which>,
    random: u64,
) -> Option<(Which, impl Iterator<Item = usize>)> {
    let oldest = count.checked_sub(1)?;
    let which = match last {
        Some(Which::Oldest) | None if oldest > 0 => Which::Middle,
        _ => Which::Oldest,
    };
    let first = match which {
        // The rest of the division is as good as any.
        Which::Middle => usize::try_from(random % oldest as u64).unwrap_or_default(),
        _ => oldest,
    };
    Some((which, (0..=first).rev()))
}

/// Which of a source's older candidates was drilled last.
pub(super) fn last_of(results: &[Drilled], part: &str, source: &str) -> Option<Which> {
    let mut of_it = results.iter().rev();
    of_it
        .find(|result| {
            result.part == part && result.source == source && result.which != Which::Newest
        })
        .map(|result| result.which)
}

/// A number that nobody can tell beforehand.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_middle_one_and_the_oldest_come_in_turn() {
        let choose = |count, last| {
            let (which, numbers) = older(count, last, 7)?;
            Some((which, numbers.collect::<Vec<_>>()))
        };
        assert_eq!(choose(0, None), None);
        assert_eq!(choose(1, None), Some((Which::Oldest, vec![0])));
        assert_eq!(
            choose(1, Some(Which::Oldest)),
            Some((Which::Oldest, vec![0]))
        );
        assert_eq!(choose(4, None), Some((Which::Middle, vec![1, 0])));
        let oldest = Some((Which::Oldest, vec![3, 2, 1, 0]));
        assert_eq!(choose(4, Some(Which::Middle)), oldest);
        assert_eq!(choose(4, Some(Which::Oldest)).unwrap().0, Which::Middle);
    }

    #[test]
    fn any_middle_one_may_be_chosen_and_the_oldest_is_none() {
        let first = |random| older(5, None, random).unwrap().1.next().unwrap();
        let chosen: BTreeSet<usize> = (0..100).map(|_| first(random())).collect();
        assert_eq!(chosen, BTreeSet::from([0, 1, 2, 3]));
    }
}
