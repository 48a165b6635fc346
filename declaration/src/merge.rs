//! A service as merged: its own file over its template.

use crate::document::{At, Given};
use crate::fragment::{Fragment, Layers};
use crate::layer::Layer;
use crate::place::Place;
use crate::value::UnitName;

/// Puts `own` over `template`.
///
/// What comes from the template has the place of the service's `template` key, `at`: that is what
/// the service's author wrote. If one of both is not whole, a key that neither gives may be in what
/// could not be read: then it is unreadable, so that no default is taken for it.
pub(crate) fn merge(own: Fragment, template: Option<(&Fragment, Place)>) -> Fragment {
    let merge = Merge {
        at: template.map_or(Place::START, |(_, at)| at),
        own_whole: own.whole,
        whole: own.whole && template.is_none_or(|(template, _)| template.whole),
    };
    let nothing = Fragment::default();
    let below = template.map_or(&nothing, |(template, _)| template);
    let layers = Layers {
        mountpoint: layer(&own.mountpoint, &below.mountpoint),
        owner: layer(&own.owner, &below.owner),
        group: layer(&own.group, &below.group),
        mode: layer(&own.mode, &below.mode),
        recordsize: layer(&own.recordsize, &below.recordsize),
        compression: layer(&own.compression, &below.compression),
        path: layer(&own.path, &below.path),
    };
    let salvaged = if own.salvaged.is_empty() {
        salvage(&own, below)
    } else {
        own.salvaged
    };
    Fragment {
        template: own.template,
        dataset: merge.pick(own.dataset, &below.dataset),
        recordsize: merge.pick(own.recordsize, &below.recordsize),
        compression: merge.pick(own.compression, &below.compression),
        mountpoint: merge.pick(own.mountpoint, &below.mountpoint),
        owner: merge.pick(own.owner, &below.owner),
        group: merge.pick(own.group, &below.group),
        mode: merge.pick(own.mode, &below.mode),
        units: merge.pick_list(own.units, &below.units),
        tiers: merge.pick_list(own.tiers, &below.tiers),
        expect: merge.pick(own.expect, &below.expect),
        ignore: merge.pick(own.ignore, &below.ignore),
        skeleton: merge.pick(own.skeleton, &below.skeleton),
        verify: merge.pick(own.verify, &below.verify),
        paths: merge.pick_list(own.paths, &below.paths),
        prefer: merge.pick(own.prefer, &below.prefer),
        max_candidates: merge.pick(own.max_candidates, &below.max_candidates),
        max_age: merge.pick(own.max_age, &below.max_age),
        stall_timeout: merge.pick(own.stall_timeout, &below.stall_timeout),
        keep_replaced: merge.pick(own.keep_replaced, &below.keep_replaced),
        on_partial: merge.pick(own.on_partial, &below.on_partial),
        on_unavailable: merge.pick(own.on_unavailable, &below.on_unavailable),
        replicas: merge.pick_list(own.replicas, &below.replicas),
        repository: merge.pick(own.repository, &below.repository),
        host: merge.pick(own.host, &below.host),
        path: merge.pick(own.path, &below.path),
        tags: merge.pick(own.tags, &below.tags),
        exclude: merge.pick(own.exclude, &below.exclude),
        backup: own.backup,
        layers,
        salvaged,
        whole: merge.whole,
    }
}

/// The template's units, if the service's own are needed and could not be read.
fn salvage(own: &Fragment, below: &Fragment) -> Vec<UnitName> {
    match (&own.units, &below.units) {
        (Given::Value(_), _) => Vec::new(),
        (Given::No, Given::Value(_)) if own.whole => Vec::new(),
        (_, Given::Value(units)) => units.value.iter().map(|at| at.value.clone()).collect(),
        _ => below.salvaged.clone(),
    }
}

/// Whose value is taken.
fn layer<T>(own: &Given<T>, below: &Given<T>) -> Layer {
    match (own, below) {
        (Given::Value(_) | Given::Unreadable, _) => Layer::Service,
        (Given::No, Given::Value(_) | Given::Unreadable) => Layer::Template,
        (Given::No, Given::No) => Layer::Default,
    }
}

struct Merge {
    at: Place,
    own_whole: bool,
    whole: bool,
}

impl Merge {
    fn pick<T: Clone>(&self, own: Given<T>, below: &Given<T>) -> Given<T> {
        match (own, below) {
            (Given::No, Given::Value(below)) if self.own_whole => Given::Value(At {
                value: below.value.clone(),
                place: self.at,
            }),
            (Given::No, Given::No) if self.whole => Given::No,
            (Given::No, _) => Given::Unreadable,
            (own, _) => own,
        }
    }

    /// As [`Merge::pick`], with the elements' places.
    fn pick_list<T: Clone>(
        &self,
        own: Given<Vec<At<T>>>,
        below: &Given<Vec<At<T>>>,
    ) -> Given<Vec<At<T>>> {
        let is_own = !matches!(own, Given::No);
        let mut picked = self.pick(own, below);
        if let (false, Given::Value(list)) = (is_own, &mut picked) {
            for element in &mut list.value {
                element.place = self.at;
            }
        }
        picked
    }
}
