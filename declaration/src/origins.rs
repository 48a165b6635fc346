//! Where the keys and properties of one dataset come from.

use std::collections::BTreeMap;

use crate::explain::{Layered, Origin, of_the_host, origin};
use crate::given::Given;
use crate::host_file::HostFile;
use crate::layer::Layer;
use crate::lookup::Search;
use crate::section::dataset;
use crate::section::key::TableFragment as _;
use crate::source_files::Sources;

/// Where each key of a service's `[dataset]`, or of its `[place.NAME]`, comes from that a file says, and each of its
/// properties, by name.
#[must_use]
pub fn of_dataset(search: &Search, name: &str, place: Option<&str>) -> BTreeMap<String, Origin> {
    let mut origins = BTreeMap::new();
    let host = HostFile::load(search);
    let mount_base = &host.storage.mount_base;
    if mount_base.layer == Layer::Host {
        let from = of_the_host(&host, mount_base.location);
        origins.insert("mountpoint".to_owned(), from);
    }
    let Ok(sources) = Sources::read(search, name) else {
        return origins;
    };
    for Layered {
        path,
        layer,
        fragment,
    } in Layered::of(&sources)
    {
        let (keys, said) = match place {
            None => (fragment.dataset.origins(), &fragment.dataset),
            Some(place) => {
                let named = fragment.places.iter().find(|one| one.name == place);
                let Some(said) = named.and_then(|one| one.said.as_ref()) else {
                    continue;
                };
                (said.origins(), &said.dataset)
            }
        };
        let properties = match &said.properties {
            Given::Value(at) => at.value.iter(),
            Given::No | Given::Unreadable => EMPTY.iter(),
        };
        let keys = keys.into_iter();
        let keys = keys.filter_map(|(key, at)| Some((key.to_owned(), at?)));
        let properties = properties.map(|(property, at)| (property.clone(), at.location));
        for (key, location) in keys.chain(properties) {
            origins.insert(key, origin(layer, &path, location));
        }
    }
    origins
}

/// No property.
static EMPTY: dataset::property::Properties = BTreeMap::new();
