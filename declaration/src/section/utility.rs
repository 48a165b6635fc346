//! `[dataset.NAME]` of `preseed.toml`: datasets that belong to no service, and that services' datasets lie in.

use std::collections::BTreeMap;

use super::dataset::property::{Properties, Setting};
use super::key::keys;
use crate::given::At;
use crate::layer::{Declared, Layer};
use crate::location::Location;
use crate::named_table::Notes;
use crate::value::DatasetName;

keys! {
    /// A dataset that belongs to no service: what services' datasets lie in and inherit from. It is made before these,
    /// parents before children, and its properties are set to what is declared. It is never mounted by preseed, never
    /// restored and never destroyed.
    table "[dataset.NAME]";
    unite properties;

    /// The dataset's full name.
    name: DatasetName = "name", default "none: it must be declared", example "\"tank/services\"";

    /// The ZFS properties that it is made with and that are set where they differ, as in `[dataset]` of a service; here all
    /// of them, also `recordsize`, `compression` and `quota`.
    properties: Properties = "properties", default "none", example "{ compression = \"zstd\", atime = \"off\" }";
}

/// A dataset that belongs to no service.
#[derive(Debug, Clone)]
pub(crate) struct Utility {
    pub(crate) dataset: At<DatasetName>,
    pub(crate) properties: BTreeMap<String, Declared<String>>,
    /// Where each is declared.
    pub(crate) locations: BTreeMap<String, Location>,
}

impl Fragment {
    /// The dataset. `None` if something is missing, which is noted.
    pub(crate) fn settle(self, table: &mut Notes) -> Option<Utility> {
        let location = self.name.location();
        let name = table.required(
            self.name,
            "the dataset's `name`",
            "name = \"tank/services\"",
        );
        let mut utility = Utility {
            dataset: At {
                value: name?,
                location,
                layer: Layer::Host,
            },
            properties: BTreeMap::new(),
            locations: BTreeMap::new(),
        };
        for (property, at) in self.properties.or(Properties::new())? {
            let Setting(value) = at.value;
            // It is what is said of exactly this dataset.
            let layer = Layer::Service;
            utility.locations.insert(property.clone(), at.location);
            utility
                .properties
                .insert(property, Declared { value, layer });
        }
        Some(utility)
    }
}
