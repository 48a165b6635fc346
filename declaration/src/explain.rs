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
use crate::regular_file::Unreadable;
use crate::section::key::TableFragment as _;
use crate::section::{
    Outcome, TableDoc, backup, dataset, of_a_service, place, preseed, snapshots, user,
};
use crate::settings::Service;

/// A file that makes a service.
#[derive(Debug)]
pub struct SourceFile {
    /// The file (absolute, without `PRESEED_ROOT`).
    pub path: PathBuf,
    /// What it holds, or why it cannot be read.
    pub text: Result<String, Problem>,
}

/// The files that make a service.
#[derive(Debug)]
pub struct SourceFiles {
    /// The files, the lowest first.
    pub files: Vec<SourceFile>,
    /// What may be missing among them or must not be relied on: a directory that cannot be listed, a file that others may
    /// write, a template that is not there. What cannot be read is told with its file.
    pub problems: Vec<Problem>,
}

impl SourceFiles {
    /// None yet.
    fn none() -> Self {
        Self {
            files: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Adds a file as it is. Gives whether there is one: a masked one is none.
    fn add(&mut self, path: PathBuf, content: Result<Content, Unreadable>) -> bool {
        let text = match content {
            Ok(Content::Masked) => return false,
            Ok(Content::Text { text, doubt }) => {
                self.problems.extend(doubt);
                Ok(text)
            }
            Err(unreadable) => Err(unreadable.problem(&path)),
        };
        self.files.push(SourceFile { path, text });
        true
    }

    /// Adds the file of a service or a template. Gives whether there is one.
    fn add_entry(&mut self, search: &Search, entry: &Entry) -> bool {
        let path = entry.file();
        let content = search.read(&path, entry.is_regular);
        let is_there = self.add(path, content);
        if is_there {
            self.problems.extend(entry.doubt.as_deref().cloned());
        }
        is_there
    }

    fn add_fragments(&mut self, fragments: Fragments) {
        let from = self.files.len();
        for (path, text) in fragments.files {
            let text = text.map_err(|unreadable| unreadable.problem(&path));
            self.files.push(SourceFile { path, text });
        }
        let told_with_its_file = |problem: &Problem| {
            let mut added = self.files[from..].iter();
            added.any(|file| file.text.as_ref().err() == Some(problem))
        };
        let problems = fragments.problems.into_iter();
        self.problems
            .extend(problems.filter(|problem| !told_with_its_file(problem)));
    }
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
pub fn source_files(search: &Search, name: &str) -> Result<SourceFiles, Vec<Problem>> {
    let sources = Sources::read(search, name)?;
    let mut all = host_files(search);
    for part in [sources.template, sources.own] {
        all.files.extend(part.files);
        all.problems.extend(part.problems);
    }
    // One directory may be why several are doubted.
    let mut told = Vec::new();
    all.problems.retain(|problem| {
        let is_new = !told.contains(problem);
        if is_new {
            told.push(problem.clone());
        }
        is_new
    });
    Ok(all)
}

/// Each key of the service `name`, in the order in which they are documented.
///
/// # Errors
/// The service cannot be used: the problems of its declaration.
pub fn values(search: &Search, name: &str) -> Result<Vec<Value>, Vec<Problem>> {
    let service = load_service(search, name)?;
    let sources = Sources::read(search, name)?;
    let host = HostFile::load(search);
    let template = sources.template.files.iter();
    let layers = template.map(|file| Layered::read(file, Layer::Template));
    let own = sources.own.files.iter();
    let own = own.map(|file| Layered::read(file, Layer::Service));
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

impl Layered {
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
fn host_files(search: &Search) -> SourceFiles {
    let mut files = SourceFiles::none();
    if let Some((path, content)) = search.read_first(host_file::NAME) {
        files.add(path, content);
    }
    files.add_fragments(search.fragments(host_file::NAME));
    files
}

/// The files of one service.
pub(crate) struct Sources {
    pub(crate) template_name: Option<String>,
    pub(crate) template: SourceFiles,
    /// The service's own, and its fragments.
    pub(crate) own: SourceFiles,
}

impl Sources {
    pub(crate) fn read(search: &Search, name: &str) -> Result<Self, Vec<Problem>> {
        let entries = search.services().entries;
        let entry = entries.iter().find(|entry| entry.stem == name);
        let mut own = SourceFiles::none();
        let Some(entry) = entry.filter(|entry| own.add_entry(search, entry)) else {
            return Err(load_service(search, name).err().unwrap_or_default());
        };
        own.add_fragments(entry.fragments(search));
        let mut template = SourceFiles::none();
        let template_name = own.files.iter().rev().find_map(|file| {
            let text = file.text.as_deref().ok()?;
            let (fragment, _) = Fragment::read(&file.path, text, Layer::Service, 0);
            let at = fragment.top.template.into_at()?;
            Some((file.path.clone(), at))
        });
        if let Some((file, at)) = &template_name {
            let catalog = Catalog::list(search);
            template.problems.extend(catalog.problems.iter().cloned());
            if let Some(entry) = catalog.entry(&at.value.0) {
                template.add_entry(search, entry);
            }
            if let Err((what, help)) = catalog.get(&at.value.0) {
                let problem = at.location.problem(file, what, help);
                template.problems.push(problem);
            }
        }
        Ok(Self {
            template_name: template_name.map(|(_, at)| at.value.0),
            template,
            own,
        })
    }
}

/// The file of a template; `None` if it is masked.
pub(crate) fn source_file(search: &Search, entry: &Entry) -> Option<SourceFile> {
    let mut files = SourceFiles::none();
    files.add_entry(search, entry);
    files.files.pop()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Whatever `load` says of files that may be missing or must not be relied on, is told with those that are there.
    #[test]
    fn what_may_be_missing_is_told() {
        let root = tempfile::tempdir().unwrap();
        let etc = root.path().join("etc/preseed");
        std::fs::create_dir_all(etc.join("services/a.toml.d")).unwrap();
        let run = root.path().join("run/preseed");
        std::fs::create_dir_all(run.join("services")).unwrap();
        std::fs::write(etc.join("services/a.toml"), "template = \"gone\"").unwrap();
        let mode = "[dataset]\nmode = \"0700\"";
        std::fs::write(etc.join("services/a.toml.d/1.toml"), mode).unwrap();
        let anybody = std::fs::Permissions::from_mode(0o666);
        std::fs::set_permissions(etc.join("services/a.toml.d/1.toml"), anybody).unwrap();
        // Files where directories of fragments are looked for.
        std::fs::write(run.join("services/a.toml.d"), "").unwrap();
        std::fs::write(run.join("preseed.toml.d"), "").unwrap();
        std::fs::create_dir(etc.join("services/a.toml.d/2.toml")).unwrap();

        let all = source_files(&Search::with_root(root.path()), "a").unwrap();
        let files: Vec<_> = all
            .files
            .iter()
            .map(|file| (file.path.to_str().unwrap(), file.text.is_ok()))
            .collect();
        assert_eq!(
            files,
            [
                ("/etc/preseed/services/a.toml", true),
                ("/etc/preseed/services/a.toml.d/1.toml", true),
                ("/etc/preseed/services/a.toml.d/2.toml", false),
            ]
        );
        let problems: Vec<_> = all.problems.iter().map(ToString::to_string).collect();
        for told in [
            "/run/preseed/preseed.toml.d:1:1: cannot list the directory: ",
            "/etc/preseed/services/a.toml:1:12: there is no template `gone`",
            "/run/preseed/services/a.toml.d:1:1: cannot list the directory: ",
            "/etc/preseed/services/a.toml.d/1.toml:1:1: ",
        ] {
            let number = problems.iter().filter(|one| one.starts_with(told)).count();
            assert_eq!(number, 1, "{told}: {problems:#?}");
        }
        assert_eq!(problems.len(), 4, "{problems:#?}");
    }

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
