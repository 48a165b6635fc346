//! The sources of a service, in the order in which they are asked.

use declaration::value::TierName;

use crate::context::Context;
use crate::source::Source;

/// Gives the sources of one kind that belong to a tier.
type Of = for<'a> fn(&'a Context<'a>, TierName) -> Vec<Box<dyn Source + 'a>>;

/// Every kind of source. Those of one tier are asked in this order.
const KINDS: &[Of] = &[
    super::rollback::of,
    super::clone::of,
    super::receive::of,
    super::restic::of,
];

/// The sources of a service, in the order of its declared tiers.
pub fn sources<'a>(context: &'a Context<'a>) -> Vec<Box<dyn Source + 'a>> {
    of_tiers(context, &context.service.tiers)
}

/// The sources from which an admin restores: as [`sources`], but none of them rolls back, which would destroy what is there.
/// Local snapshots are among them wherever a tier uses them. With `tier`, only its own.
pub fn by_hand<'a>(context: &'a Context<'a>, tier: Option<TierName>) -> Vec<Box<dyn Source + 'a>> {
    let mut tiers: Vec<TierName> = Vec::new();
    for declared in context.service.tiers.iter().copied() {
        // Both tiers use the same snapshots, which are looked for once.
        let asked = match declared {
            TierName::Rollback => TierName::Snapshot,
            other => other,
        };
        if !tiers.contains(&asked) {
            tiers.push(asked);
        }
    }
    let mut sources = of_tiers(context, &tiers);
    if let Some(tier) = tier {
        sources.retain(|source| source.tier() == tier);
    }
    sources
}

fn of_tiers<'a>(context: &'a Context<'a>, tiers: &[TierName]) -> Vec<Box<dyn Source + 'a>> {
    tiers
        .iter()
        .flat_map(|tier| KINDS.iter().flat_map(|of| of(context, *tier)))
        .collect()
}
