//! `tiers`: which tiers may restore, in which order.

use super::super::storage::Backend;
use crate::given::{At, Given};
use crate::validation::{Validation, duplicate};
use crate::value::TierName;

/// The tiers that can be asked.
pub(super) fn tiers(
    validation: &mut Validation<'_>,
    given: Given<Vec<At<TierName>>>,
    lacks_repository: bool,
) -> Option<Vec<TierName>> {
    let mut tiers = match given {
        Given::Unreadable => return None,
        Given::No => {
            let mut tiers = TierName::ALL.to_vec();
            if lacks_repository {
                tiers.retain(|tier| *tier != TierName::Restic);
            }
            tiers
        }
        Given::Value(at) => {
            if at.value.is_empty() {
                validation.note(
                    at.location,
                    "`tiers` is an empty list",
                    "name a tier, or leave the key out for all that are possible",
                );
                return None;
            }
            if let Some(twice) = duplicate(&at.value) {
                let (location, what) = (
                    twice.location,
                    format!("tier `{}` is named twice", twice.value),
                );
                validation.note(location, what, "remove one of them");
            }
            let restic = at.value.iter().find(|tier| tier.value == TierName::Restic);
            if let Some(restic) = restic.filter(|_| lacks_repository) {
                validation.note(
                    restic.location,
                    "tier `restic` has no repository",
                    "name one as `repository` in [backup], or remove the tier",
                );
            }
            let is_possible = |tier: &At<TierName>| {
                validation.host.storage.backend == Backend::Zfs || tier.value == TierName::Restic
            };
            if !at.value.iter().any(is_possible) {
                validation.note(
                    at.location,
                    "none of these tiers is possible: a directory has no snapshots",
                    "add `restic` with a `repository` in [backup], or keep the host's services in backend = \"zfs\"",
                );
                return None;
            }
            at.value.into_iter().map(|at| at.value).collect()
        }
    };
    if validation.host.storage.backend == Backend::Directory {
        tiers.retain(|tier| *tier == TierName::Restic);
    }
    Some(tiers)
}
