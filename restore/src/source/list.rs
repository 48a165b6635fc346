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
    let tiers = context.service.tiers.iter();
    tiers
        .flat_map(|tier| KINDS.iter().flat_map(|of| of(context, *tier)))
        .collect()
}
