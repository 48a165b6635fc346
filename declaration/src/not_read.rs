//! What lies below the directories of declarations and is not read: most often by its name.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::lookup::{Content, DIRECTORIES, Entry, Search, declared_stem, fragmented_stem};
use crate::quote::{nearest, quoted};

/// How many are told of one directory.
const MOST: usize = 20;

/// How many entries of a directory are looked at.
const MOST_LOOKED_AT: usize = 10_000;

/// How deep declarations are looked for in directories that are not read: links may lead in a circle.
const DEEPEST: usize = 4;

/// The directories in which declarations are.
const READ: [&str; 2] = ["services", "catalog"];

/// A file that is not read, or all further ones of a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotRead {
    /// The file or directory (absolute, without `PRESEED_ROOT`).
    pub path: PathBuf,
    /// Why it is not read, and what to do if it should be.
    pub why: String,
}

/// Lists what lies below the directories of declarations and is not read, by path. What cannot be listed is left out:
/// [`crate::load`] tells it.
#[must_use]
pub fn not_read(search: &Search) -> Vec<NotRead> {
    let services = declared_services(search);
    let mut found = overridden(search, &services);
    for directory in DIRECTORIES.map(Path::new) {
        let mut here = Vec::new();
        for (name, is_directory) in entries(search, directory) {
            let path = directory.join(&name);
            match (name.to_str(), is_directory) {
                // One that is no file, or no directory of fragments, is an error: no need to tell it twice.
                (Some("preseed.toml"), _) | (Some("preseed.toml.d"), false) => {}
                (Some("preseed.toml.d"), true) => found.extend(misnamed(search, &path, &services)),
                (Some(known), true) if READ.contains(&known) => {
                    found.extend(misnamed(search, &path, &services));
                    if known == "services" {
                        found.extend(fragments(search, &path, &services));
                    }
                }
                // Programs are there as well.
                (_, false) if directory.starts_with("/usr") && declared_stem(&name).is_none() => {}
                (_, false) => here.push(NotRead {
                    why: out_of_place(directory, &name),
                    path,
                }),
                // What has nothing to do with declarations, as a directory of secrets.
                (_, true) => here.extend(declarations_in(search, directory, &path, 0)),
            }
        }
        found.extend(few(directory, here));
    }
    found.sort();
    found
}

/// What another file of the same name goes before, or masks.
fn overridden(search: &Search, services: &[OsString]) -> Vec<NotRead> {
    let fragments = services.iter().map(|service| {
        let mut directory = PathBuf::from("services");
        directory.push(service);
        directory.as_mut_os_string().push(".toml.d");
        directory
    });
    let directories = READ.map(PathBuf::from).into_iter();
    let directories = directories
        .chain([PathBuf::from("preseed.toml.d")])
        .chain(fragments);
    let entries = directories.flat_map(|directory| search.list(&directory).entries);
    let mut found: Vec<NotRead> = entries
        .flat_map(|entry| {
            let upper = entry.file();
            let below = entry.below.into_iter();
            below.map(move |path| NotRead {
                why: format!("{} goes before it", upper.display()),
                path,
            })
        })
        .collect();
    let of_the_host = DIRECTORIES.map(|directory| Path::new(directory).join("preseed.toml"));
    let mut there = of_the_host
        .into_iter()
        .filter(|file| search.on_disk(file).symlink_metadata().is_ok());
    if let Some(upper) = there.next() {
        found.extend(there.map(|path| NotRead {
            why: format!("{} goes before it", upper.display()),
            path,
        }));
    }
    found
}

/// What is not read in a directory of declarations.
fn misnamed(search: &Search, directory: &Path, services: &[OsString]) -> Vec<NotRead> {
    let not_read = entries(search, directory).filter_map(|(name, is_directory)| {
        if let Some(service) = fragmented_stem(&name).filter(|_| directory.ends_with("services")) {
            // Of a service, it is an error if it is no directory.
            if is_directory || services.binary_search(&service).is_ok() {
                return None;
            }
            let why = format!(
                "there is no service {}, and fragments are files in a directory of this name",
                quoted(&service.to_string_lossy())
            );
            let path = directory.join(name);
            return Some(NotRead { path, why });
        }
        let why = if is_directory {
            // A fragment that is a directory breaks its service: no need to tell it twice.
            if is_fragments(directory) && declared_stem(&name).is_some() {
                return None;
            }
            format!(
                "it is a directory: only files in {} are read",
                directory.display()
            )
        } else if declared_stem(&name).is_some() {
            return None;
        } else {
            let why = if name.as_bytes().starts_with(b".") {
                "its name begins with `.`"
            } else {
                "its name does not end in `.toml`"
            };
            format!("{why}: {}", called(search, directory, &name))
        };
        Some(NotRead {
            path: directory.join(name),
            why,
        })
    });
    few(directory, not_read.collect())
}

/// What a file should be called to be read.
fn called(search: &Search, directory: &Path, name: &OsStr) -> String {
    let name = name.to_string_lossy();
    let bare = name.trim_start_matches('.');
    let stem = match bare.to_ascii_lowercase().find(".toml") {
        Some(end) => &bare[..end],
        None => bare.rsplit_once('.').map_or(bare, |(stem, _)| stem),
    };
    if stem.is_empty() {
        return "call it NAME.toml if it is to be read".to_owned();
    }
    let proper = format!("{stem}.toml");
    let is_there = search.on_disk(&directory.join(&proper)).symlink_metadata();
    if is_there.is_ok() {
        return format!("{} is read", quoted(&proper));
    }
    format!("call it {} if it is to be read", quoted(&proper))
}

/// The services that are declared and not masked, by name.
fn declared_services(search: &Search) -> Vec<OsString> {
    let entries = search.services().entries;
    let is_there = |entry: &Entry| {
        let read = search.read(&entry.file(), entry.is_regular);
        !matches!(read, Ok(Content::Masked))
    };
    let declared = entries.into_iter().filter(is_there);
    declared.map(|entry| entry.stem).collect()
}

/// Whether fragments are read in a directory of this name.
fn is_fragments(directory: &Path) -> bool {
    directory
        .file_name()
        .is_some_and(|name| fragmented_stem(name).is_some())
}

/// What is not read of the fragments in a directory of services: all of a service that does not exist.
fn fragments(search: &Search, directory: &Path, services: &[OsString]) -> Vec<NotRead> {
    let mut found = Vec::new();
    for (name, is_directory) in entries(search, directory) {
        let Some(service) = fragmented_stem(&name).filter(|_| is_directory) else {
            continue;
        };
        let path = directory.join(&name);
        if services.binary_search(&service).is_ok() {
            found.extend(misnamed(search, &path, services));
            continue;
        }
        let shown = service.to_string_lossy();
        let names = services.iter().filter_map(|service| service.to_str());
        let help = match nearest(&shown, names) {
            Some(meant) => format!("did you mean `{meant}.toml.d`?"),
            None => format!("declare it in {}/{shown}.toml", directory.display()),
        };
        let all = entries(search, &path).map(|(name, _)| NotRead {
            path: path.join(name),
            why: format!("there is no service {}: {help}", quoted(&shown)),
        });
        found.extend(few(&path, all.collect()));
    }
    found
}

/// Declarations in a directory that is not read, and in those below it.
fn declarations_in(search: &Search, above: &Path, directory: &Path, depth: usize) -> Vec<NotRead> {
    let mut not_read = Vec::new();
    for (name, is_directory) in entries(search, directory) {
        let path = directory.join(&name);
        if declared_stem(&name).is_some() {
            not_read.push(NotRead {
                path,
                why: format!(
                    "no declaration is read here: services are in {}/services",
                    above.display()
                ),
            });
        } else if is_directory && depth < DEEPEST {
            not_read.extend(declarations_in(search, above, &path, depth + 1));
        }
    }
    few(directory, not_read)
}

fn out_of_place(directory: &Path, name: &OsStr) -> String {
    let directory = directory.display();
    let is_meant = nearest(&name.to_string_lossy(), ["preseed.toml"]).is_some();
    match declared_stem(name) {
        _ if is_meant => {
            "only preseed.toml is read here: call it that if it is to be read".to_owned()
        }
        Some(_) => format!(
            "only preseed.toml is read here: a service's file belongs in {directory}/services"
        ),
        None => format!("only preseed.toml is read here; services are in {directory}/services"),
    }
}

/// The first few, and how many more there are.
fn few(directory: &Path, mut all: Vec<NotRead>) -> Vec<NotRead> {
    all.sort();
    let more = all.len().saturating_sub(MOST);
    if more > 0 {
        all.truncate(MOST);
        all.push(NotRead {
            path: directory.to_path_buf(),
            why: format!("{more} more in this directory are not read"),
        });
    }
    all
}

/// The names in a directory, each with whether it is a directory, or a link to one.
fn entries(search: &Search, shown: &Path) -> impl Iterator<Item = (OsString, bool)> {
    let entries = fs::read_dir(search.on_disk(shown));
    let entries = entries.into_iter().flatten().flatten();
    entries.take(MOST_LOOKED_AT).map(|entry| {
        let kind = entry.file_type();
        let is_directory =
            kind.is_ok_and(|kind| kind.is_dir() || kind.is_symlink() && entry.path().is_dir());
        (entry.file_name(), is_directory)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::too_many_lines)]
    use super::*;

    #[test]
    fn what_has_a_wrong_name_or_place() {
        let root = tempfile::tempdir().unwrap();
        let etc = root.path().join("etc/preseed");
        for directory in [
            "services/old",
            "backup/of/services",
            "services/sonarr.toml.d",
            "services/sonar.toml.d",
            "services/gone.toml.d",
            "catalog/sonarr.toml.d",
            "preseed.toml.d",
            "secrets",
            "service",
        ] {
            fs::create_dir_all(etc.join(directory)).unwrap();
        }
        for file in [
            "preseed.toml",
            "sonarr.toml",
            "notes",
            "services/sonarr.toml",
            "services/sonarr.TOML",
            "services/.sonarr.toml",
            "services/radarr.conf",
            "services/old/lidarr.toml",
            "services/sonarr.toml.d/10-mode.toml",
            "services/sonarr.toml.d/20-mode.conf",
            "services/sonar.toml.d/10-mode.toml",
            "services/gone.toml.d/.hidden",
            "catalog/sonarr.toml.d/10-mode.toml",
            "preseed.toml.d/10-pool.toml",
            "preseed.toml.d/README",
            "catalog/sonarr.toml",
            "catalog/sonarr.toml~",
            "secrets/nas-1",
            "service/lidarr.toml",
            "backup/of/services/lidarr.toml",
            "preseed.tml",
            // No directory of fragments: of a service that is there, an error that is told elsewhere.
            "services/radarr.toml",
            "services/radarr.toml.d",
            "services/nobody.toml.d",
        ] {
            fs::write(etc.join(file), "").unwrap();
        }
        let run = root.path().join("run/preseed");
        for directory in ["services/sonarr.toml.d", "catalog"] {
            fs::create_dir_all(run.join(directory)).unwrap();
        }
        for file in [
            "preseed.toml",
            "preseed.toml.d",
            "services/sonarr.toml",
            "services/sonarr.toml.d/10-mode.toml",
            "catalog/sonarr.toml",
        ] {
            fs::write(run.join(file), "").unwrap();
        }
        let told: Vec<String> = not_read(&Search::with_root(root.path()))
            .iter()
            .map(|one| format!("{}: {}", one.path.display(), one.why))
            .collect();
        assert_eq!(
            told,
            [
                "/etc/preseed/backup/of/services/lidarr.toml: no declaration is read here: services are in /etc/preseed/services",
                "/etc/preseed/catalog/sonarr.toml.d: it is a directory: only files in /etc/preseed/catalog are read",
                "/etc/preseed/catalog/sonarr.toml~: its name does not end in `.toml`: `sonarr.toml` is read",
                "/etc/preseed/notes: only preseed.toml is read here; services are in /etc/preseed/services",
                "/etc/preseed/preseed.tml: only preseed.toml is read here: call it that if it is to be read",
                "/etc/preseed/preseed.toml.d/README: its name does not end in `.toml`: call it `README.toml` if it is to be read",
                "/etc/preseed/service/lidarr.toml: no declaration is read here: services are in /etc/preseed/services",
                "/etc/preseed/services/.sonarr.toml: its name begins with `.`: `sonarr.toml` is read",
                "/etc/preseed/services/gone.toml.d/.hidden: there is no service `gone`: declare it in /etc/preseed/services/gone.toml",
                "/etc/preseed/services/nobody.toml.d: there is no service `nobody`, and fragments are files in a directory of this name",
                "/etc/preseed/services/old: it is a directory: only files in /etc/preseed/services are read",
                "/etc/preseed/services/radarr.conf: its name does not end in `.toml`: `radarr.toml` is read",
                "/etc/preseed/services/sonar.toml.d/10-mode.toml: there is no service `sonar`: did you mean `sonarr.toml.d`?",
                "/etc/preseed/services/sonarr.TOML: its name does not end in `.toml`: `sonarr.toml` is read",
                "/etc/preseed/services/sonarr.toml.d/20-mode.conf: its name does not end in `.toml`: call it `20-mode.toml` if it is to be read",
                "/etc/preseed/sonarr.toml: only preseed.toml is read here: a service's file belongs in /etc/preseed/services",
                "/run/preseed/catalog/sonarr.toml: /etc/preseed/catalog/sonarr.toml goes before it",
                "/run/preseed/preseed.toml: /etc/preseed/preseed.toml goes before it",
                "/run/preseed/services/sonarr.toml: /etc/preseed/services/sonarr.toml goes before it",
                "/run/preseed/services/sonarr.toml.d/10-mode.toml: /etc/preseed/services/sonarr.toml.d/10-mode.toml goes before it",
            ]
        );
    }

    #[test]
    fn of_many_a_few_are_told() {
        let root = tempfile::tempdir().unwrap();
        let services = root.path().join("etc/preseed/services");
        fs::create_dir_all(&services).unwrap();
        for number in 100..150 {
            fs::write(services.join(format!("{number}.conf")), "").unwrap();
        }
        let told = not_read(&Search::with_root(root.path()));
        assert_eq!(told.len(), MOST + 1);
        assert!(told.iter().any(|one| one.why.starts_with("30 more")));
    }
}
