//! The properties that are declared for a dataset, and how what it has is to them.

use std::collections::BTreeMap;

use declaration::layer::{Declared, Layer};
use declaration::settings::{Dataset, Service};

use super::last_set::LastSet;
use super::properties::Properties;
use super::value;
use crate::compared::State;

/// What only a dataset gets that is in its place and has its data: nothing else is written to, shared or given room twice.
pub(super) const LATE: [&str; 5] = [
    "reservation",
    "refreservation",
    "readonly",
    "sharenfs",
    "sharesmb",
];

/// What can be chosen only when a dataset is made.
pub(super) const OF_CREATION: [&str; 3] = ["casesensitivity", "normalization", "utf8only"];

/// What a template or a default never changes of a dataset that is there.
const ONLY_OWN: [&str; 5] = [
    "mountpoint",
    "quota",
    "refquota",
    "reservation",
    "refreservation",
];

/// A property as it is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted<'a> {
    pub(super) property: &'a str,
    pub(super) value: String,
    pub(super) layer: Layer,
}

impl Wanted<'_> {
    pub(super) fn is_own(&self) -> bool {
        self.layer == Layer::Service
    }

    /// Whether the data can be used only with this property.
    pub(super) fn is_needed(&self) -> bool {
        matches!(self.property, "mountpoint" | "canmount")
    }

    pub(super) fn is_late(&self) -> bool {
        LATE.contains(&self.property)
    }

    /// Whether it can be chosen only when a dataset is made.
    pub(super) fn is_of_creation(&self) -> bool {
        OF_CREATION.contains(&self.property)
    }

    pub(super) fn is_so(&self, found: &Properties) -> bool {
        found
            .value(self.property)
            .is_some_and(|told| value::is_same(self.property, &self.value, told))
    }

    pub(super) fn set(&self) -> String {
        format!("{}={}", self.property, self.value)
    }
}

/// All that is declared.
pub(super) fn declared<'a>(service: &'a Service, dataset: &'a Dataset) -> Vec<Wanted<'a>> {
    let place = &service.mountpoint;
    let wanted = |property, value, layer| Wanted {
        property,
        value,
        layer,
    };
    let mut all = vec![
        wanted(
            "mountpoint",
            place.to_string_lossy().into_owned(),
            place.layer,
        ),
        wanted("canmount", "on".to_owned(), Layer::Default),
        wanted(
            "recordsize",
            dataset.recordsize.bytes().to_string(),
            dataset.recordsize.layer,
        ),
        wanted(
            "compression",
            dataset.compression.as_str().to_owned(),
            dataset.compression.layer,
        ),
    ];
    all.extend(of_properties(&dataset.properties));
    all
}

/// What `properties` and the keys that are properties declare.
pub(super) fn of_properties(
    properties: &BTreeMap<String, Declared<String>>,
) -> impl Iterator<Item = Wanted<'_>> {
    properties.iter().map(|(name, said)| Wanted {
        property: name,
        value: said.value.clone(),
        layer: said.layer,
    })
}

/// How a property is, seen from what is declared.
pub(super) fn state(
    wanted: &Wanted<'_>,
    found: &Properties,
    noted: &LastSet,
    is_known: bool,
) -> State {
    if !is_known {
        return State::Unknown;
    }
    if wanted.is_so(found) {
        return State::Same;
    }
    if wanted.is_of_creation() {
        return State::OfCreation;
    }
    if !wanted.is_own() && ONLY_OWN.contains(&wanted.property) {
        return State::OnlyOwn;
    }
    if !wanted.is_needed() && noted.holds(wanted.property, &wanted.value) {
        return State::ByHand;
    }
    State::Differs
}
