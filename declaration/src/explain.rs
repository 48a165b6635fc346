//! Which files make a service, and where each of its values comes from.

use std::path::{Path, PathBuf};

use crate::catalog::Catalog;
use crate::fragment::Fragment;
use crate::host_file::{self, HostFile};
use crate::layer::Layer;
use crate::load::load_service;
use crate::location::{Files, Location};
use crate::lookup::{Content, Entry, Fragments, Search};
use crate::problem::Problem;
use crate::section::key::TableFragment as _;
use crate::section::{Outcome, TableDoc, backup, dataset, of_a_service, place, preseed, user};
use crate::settings::Service;

/// A file that makes a service.
#[derive(Debug)]
pub struct SourceFile {
    /// The file (absolute, without `PRESEED_ROOT`).
    pub path: PathBuf,
    /// What it holds, or why it cannot be read.
    pub text: Result<String, Problem>,
}

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

/// The files that make the service `name`, the lowest first: `preseed.toml`, the template, the service's own, each
/// with its fragments. Also of a service that is broken.
///
/// # Errors
/// There is no such service.
pub fn source_files(search: &Search, name: &str) -> Result<Vec<SourceFile>, Vec<Problem>> {
    let sources = Sources::read(search, name)?;
    let mut files = host_files(search);
    files.extend(sources.template);
    files.extend(sources.own);
    Ok(files)
}

/// Each key of the service `name`, in the order in which they are documented.
///
/// # Errors
/// The service cannot be used: the problems of its declaration.
pub fn values(search: &Search, name: &str) -> Result<Vec<Value>, Vec<Problem>> {
    let service = load_service(search, name)?;
    let sources = Sources::read(search, name)?;
    let host = HostFile::load(search);
    let read = |file: &SourceFile, layer| {
        let text = file.text.as_ref().map_or("", String::as_str);
        Layered {
            path: file.path.clone(),
            layer,
            fragment: Fragment::read(&file.path, text, layer, 0).0,
        }
    };
    let template = sources.template.iter();
    let layers = template.map(|file| read(file, Layer::Template));
    let own = sources.own.iter().map(|file| read(file, Layer::Service));
    let layers: Vec<Layered> = layers.chain(own).collect();

    let documented = of_a_service();
    let mut values = Vec::new();
    let mut table = |header: &str, outcome: Vec<(&'static str, Outcome)>, origins: Origins<'_>| {
        for (key, value) in outcome {
            let origins = match origins_of(&layers, key, origins) {
                none if none.is_empty() => of_the_user(&layers, header, key),
                origins => origins,
            };
            values.push(Value {
                table: header.to_owned(),
                key,
                default: default_of(&documented, header, key),
                origins: if origins.is_empty() {
                    vec![default_origin(&host, &service, header, key)]
                } else {
                    origins
                },
                value,
            });
        }
    };
    let template = sources
        .template_name
        .map_or(Outcome::Nothing, Outcome::Text);
    table("", vec![("template", template)], &|f| f.top.origins());
    table(
        user::KEYS.header,
        user::outcome(service.user.as_ref()),
        &|f| f.user.origins(),
    );
    let settings = dataset::outcome(&dataset::Settings::of(&service));
    table(dataset::KEYS.header, settings, &|f| f.dataset.origins());
    let preseed = service.preseed.outcome();
    table(preseed::KEYS.header, preseed, &|f| f.preseed.origins());
    let backup = backup::outcome(service.backup.as_ref());
    table(backup::KEYS.header, backup, &|f| f.backup.origins());
    for (place, part) in service
        .places
        .iter()
        .filter_map(|place| Some((place, place.part.as_ref()?)))
    {
        let header = format!("[place.{}]", part.place);
        table(&header, place::outcome(place, part), &|f| {
            let said = f.places.iter().find(|said| said.name == part.place);
            let said = said.and_then(|place| place.said.as_ref());
            said.map(place::Said::origins).unwrap_or_default()
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
struct Layered {
    path: PathBuf,
    layer: Layer,
    fragment: Fragment,
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

fn origin(layer: Layer, file: &Path, location: Location) -> Origin {
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
        ("[dataset]", "name") => Some((storage.parent.layer, storage.parent.location)),
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
        Some((Layer::Host, location)) => {
            let files = Files {
                declaration: &host.file,
                fragments: &host.fragments,
            };
            origin(Layer::Host, files.of(location), location)
        }
        _ => Origin {
            layer: Layer::Default,
            declared: None,
        },
    }
}

/// `preseed.toml` and its fragments.
fn host_files(search: &Search) -> Vec<SourceFile> {
    let mut files = Vec::new();
    if let Some((path, content)) = search.read_first(host_file::NAME) {
        let text = match content {
            Ok(Content::Masked) => None,
            Ok(Content::Text { text, .. }) => Some(Ok(text)),
            Err(unreadable) => Some(Err(unreadable.problem(&path))),
        };
        files.extend(text.map(|text| SourceFile { path, text }));
    }
    files.extend(fragments(search.fragments(host_file::NAME)));
    files
}

fn fragments(fragments: Fragments) -> impl Iterator<Item = SourceFile> {
    let files = fragments.files.into_iter();
    files.map(|(path, text)| SourceFile {
        text: text.map_err(|unreadable| unreadable.problem(&path)),
        path,
    })
}

/// The files of one service.
struct Sources {
    template_name: Option<String>,
    template: Option<SourceFile>,
    /// The service's own, and its fragments.
    own: Vec<SourceFile>,
}

impl Sources {
    fn read(search: &Search, name: &str) -> Result<Self, Vec<Problem>> {
        let entries = search.services().entries;
        let entry = entries.iter().find(|entry| entry.stem == name);
        let own = entry.and_then(|entry| Some((entry, source_file(search, entry)?)));
        let Some((entry, own)) = own else {
            return Err(load_service(search, name).err().unwrap_or_default());
        };
        let mut own = vec![own];
        own.extend(fragments(entry.fragments(search)));
        let names = own.iter().rev().filter_map(|file| {
            let text = file.text.as_deref().ok()?;
            let (fragment, _) = Fragment::read(&file.path, text, Layer::Service, 0);
            fragment.top.template.value()
        });
        let template_name = names.map(|name| name.0).next();
        let catalog = Catalog::list(search);
        let template = template_name
            .as_deref()
            .and_then(|name| source_file(search, catalog.entry(name)?));
        Ok(Self {
            template_name,
            template,
            own,
        })
    }
}

/// A file as it is; `None` if it is masked.
pub(crate) fn source_file(search: &Search, entry: &Entry) -> Option<SourceFile> {
    let path = entry.file();
    let text = match search.read(&path, entry.is_regular) {
        Ok(Content::Masked) => return None,
        Ok(Content::Text { text, .. }) => Ok(text),
        Err(unreadable) => Err(unreadable.problem(&path)),
    };
    Some(SourceFile { path, text })
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
        let is_in_another = ["[[preseed.verify]]", "[preseed.max-age]", "[place.NAME]"];
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
