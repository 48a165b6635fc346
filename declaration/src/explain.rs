//! Where each value of a service comes from.

use std::path::{Path, PathBuf};

use crate::fragment::Fragment;
use crate::host_file::HostFile;
use crate::layer::Layer;
use crate::load::load_service;
use crate::location::{Files, Location};
use crate::lookup::Search;
use crate::problem::Problem;
use crate::section::key::TableFragment as _;
use crate::section::{
    Outcome, TableDoc, backup, dataset, drill, of_a_service, place, preseed, promise, snapshots,
    user,
};
use crate::settings::Service;
use crate::source_files::{SourceFile, Sources};

/// A key of a service, as it holds in the end.
#[derive(Debug)]
pub struct Value {
    /// The table, `[name]`; empty: the file's top level.
    pub table: String,
    /// The key.
    pub key: &'static str,
    /// Its value.
    pub value: Outcome,
    /// What holds without it, in words.
    pub default: &'static str,
    /// Where it comes from; of a list that several files add to, all of them, the lowest first. Never empty.
    pub origins: Vec<Origin>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Who says it.
    pub layer: Layer,
    /// File, line and column; `None`: no file says it.
    pub declared: Option<(PathBuf, usize, usize)>,
}

/// Each key of the service `name`, in the order in which they are documented.
///
/// # Errors
/// The service cannot be used: the problems of its declaration.
pub fn values(search: &Search, name: &str) -> Result<Vec<Value>, Vec<Problem>> {
    let service = load_service(search, name)?;
    let sources = Sources::read(search, name)?;
    let host = HostFile::load(search);
    let layers = Layered::of(&sources);

    let documented = of_a_service();
    let mut values = Vec::new();
    let mut table = |header: &str, outcome: Vec<(&'static str, Outcome)>, origins: Origins<'_>| {
        for (key, value) in outcome {
            let mut origins = origins_of(&layers, key, origins);
            if origins.is_empty() {
                origins = of_the_user(&layers, header, key);
            }
            if origins.is_empty() {
                origins.push(default_origin(&host, &service, header, key));
            }
            values.push(Value {
                table: header.to_owned(),
                key,
                default: default_of(&documented, header, key),
                origins,
                value,
            });
        }
    };
    let template = sources
        .template_name
        .map_or(Outcome::Nothing, Outcome::Text);
    table("", vec![("template", template)], &|f| f.top.origins());
    let user = user::outcome(service.user.as_ref());
    table(user::KEYS.header, user, &|f| f.user.origins());
    let settings = dataset::outcome(&service.of_dataset());
    table(dataset::KEYS.header, settings, &|f| f.dataset.origins());
    let preseed = service.preseed.outcome();
    table(preseed::KEYS.header, preseed, &|f| f.preseed.origins());
    let snapshots = snapshots::outcome(service.snapshots.as_ref());
    table(snapshots::KEYS.header, snapshots, &|f| {
        f.snapshots.origins()
    });
    let backup = backup::outcome(service.backup.as_ref());
    table(backup::KEYS.header, backup, &|f| f.backup.origins());
    let promise = promise::outcome(service.promise);
    table(promise::KEYS.header, promise, &|f| f.promise.origins());
    let drill = drill::outcome(&service.drill);
    table(drill::KEYS.header, drill, &|f| f.drill.origins());
    for (place, part) in service
        .places
        .iter()
        .filter_map(|place| Some((place, place.part.as_ref()?)))
    {
        let header = format!("[place.{}]", part.place);
        let outcome = place::outcome(&place.of_dataset(), &place.preseed, part);
        table(&header, outcome, &|f| {
            let said = f.places.iter().find(|said| said.name == part.place);
            let said = said.and_then(|place| place.said.as_ref());
            said.map(place::PlaceKeys::origins).unwrap_or_default()
        });
    }
    Ok(values)
}

/// What the documentation says holds without a key.
fn default_of(documented: &[TableDoc], table: &str, key: &str) -> &'static str {
    let table = match table.strip_prefix("[place.") {
        Some(_) => place::KEYS.header,
        None => table,
    };
    let table = documented.iter().find(|known| known.header == table);
    let mut keys = table.into_iter().flat_map(|table| &table.keys);
    keys.find(|known| known.name == key)
        .map_or("none", |known| known.default)
}

/// The origins of the keys of one table.
type Origins<'o> = &'o dyn Fn(&Fragment) -> Vec<(&'static str, Option<Location>)>;

/// One file of a service, as read.
pub(crate) struct Layered {
    pub(crate) path: PathBuf,
    pub(crate) layer: Layer,
    pub(crate) fragment: Fragment,
}

impl Layered {
    /// All files of a service, the lowest first.
    pub(crate) fn of(sources: &Sources) -> Vec<Self> {
        let template = sources.template.files.iter();
        let template = template.map(|file| Self::read(file, Layer::Template));
        let own = sources.own.files.iter();
        let own = own.map(|file| Self::read(file, Layer::Service));
        template.chain(own).collect()
    }

    fn read(file: &SourceFile, layer: Layer) -> Self {
        let text = file.text.as_ref().map_or("", String::as_str);
        Self {
            path: file.path.clone(),
            layer,
            fragment: Fragment::read(&file.path, text, layer, 0).0,
        }
    }
}

/// Where the files say the key, the lowest first: the highest that declares it, and all above that add to it.
fn origins_of(layers: &[Layered], key: &str, origins: Origins<'_>) -> Vec<Origin> {
    let extra = format!("{key}-extra");
    let mut found = Vec::new();
    for layered in layers.iter().rev() {
        let keys = origins(&layered.fragment);
        let of = |name: &str| keys.iter().find(|(key, _)| *key == name)?.1;
        let mut add = |location: Location| {
            found.push(origin(layered.layer, &layered.path, location));
        };
        if let Some(location) = of(&extra) {
            add(location);
        }
        if let Some(location) = of(key) {
            add(location);
            break;
        }
    }
    found.reverse();
    found
}

/// Where the user is declared whom the directory belongs to, if nothing else says whom.
fn of_the_user(layers: &[Layered], table: &str, key: &str) -> Vec<Origin> {
    let user = |key| origins_of(layers, key, &|f| f.user.origins());
    match (table, key) {
        ("[dataset]", "owner") => user("name"),
        ("[dataset]", "group") => match user("group") {
            none if none.is_empty() => user("name"),
            origins => origins,
        },
        _ => Vec::new(),
    }
}

/// The origin of what is said at this place of `preseed.toml` and its fragments.
pub(crate) fn of_the_host(host: &HostFile, location: Location) -> Origin {
    let files = Files {
        declaration: &host.file,
        fragments: &host.fragments,
    };
    origin(Layer::Host, files.of(location), location)
}

pub(crate) fn origin(layer: Layer, file: &Path, location: Location) -> Origin {
    let line = (location.line as usize, location.column as usize);
    Origin {
        layer,
        declared: Some((file.to_path_buf(), line.0, line.1)),
    }
}

/// Where a value comes from that none of the service's files says: `preseed.toml`, or nowhere.
fn default_origin(host: &HostFile, service: &Service, table: &str, key: &str) -> Origin {
    let storage = &host.storage;
    let said = match (table, key) {
        ("[dataset]", "name" | "parent") => Some((storage.parent.layer, storage.parent.location)),
        ("[dataset]", "mountpoint") => {
            Some((storage.mount_base.layer, storage.mount_base.location))
        }
        ("[backup]", "host") if service.backup.is_some() => {
            let host = host.backup_host.as_ref();
            host.map(|at| (at.layer, at.location))
        }
        _ => None,
    };
    match said {
        Some((Layer::Host, location)) => of_the_host(host, location),
        _ => Origin {
            layer: Layer::Default,
            declared: None,
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Each key is shown. What only adds to a list is shown in that list.
    #[test]
    fn each_key_is_shown() {
        let root = tempfile::tempdir().unwrap();
        let services = root.path().join("etc/preseed/services");
        std::fs::create_dir_all(&services).unwrap();
        std::fs::write(services.join("a.toml"), "[preseed]").unwrap();
        let values = values(&Search::with_root(root.path()), "a").unwrap();
        let shown: Vec<_> = values
            .iter()
            .map(|value| (value.table.as_str(), value.key))
            .collect();
        let is_in_another = [
            "[[preseed.verify]]",
            "[preseed.max-age]",
            "[backup.keep]",
            "[place.NAME]",
        ];
        let keys = |table: TableDoc| {
            let keys = table.keys.into_iter().map(|key| key.name);
            let keys = keys.filter(|key| !key.ends_with("-extra"));
            keys.map(move |key| (table.header, key)).collect::<Vec<_>>()
        };
        let tables = of_a_service().into_iter();
        let tables = tables.filter(|table| !is_in_another.contains(&table.header));
        let known: Vec<_> = tables.flat_map(keys).collect();
        assert_eq!(shown, known);
    }
}
