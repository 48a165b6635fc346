//! `preseed.toml`: what a host's services share.

use std::path::{Path, PathBuf};

use crate::document::Document;
use crate::given::{At, Given};
use crate::layer::Layer;
use crate::lookup::{Content, Search};
use crate::problem::Problem;
use crate::quote::quoted;
use crate::section::replica::{self, ReplicaParent};
use crate::section::repository::{self, Repository};
use crate::section::{host_backup, storage};
use crate::table::{Keys, Named, Table};
use crate::value::{HostName, SharedName};

static TOP: Keys = Keys {
    header: "",
    names: &["storage", "backup", "repository", "replica"],
    instead: &[],
};

/// What a host's services share, validated as far as it could be.
#[derive(Debug)]
pub(crate) struct HostFile {
    /// The file (absolute, without `PRESEED_ROOT`): where it is, or where it would be.
    pub(crate) file: PathBuf,
    pub(crate) storage: storage::Settings,
    /// The host that the snapshots in restic repositories carry; `None`: this machine's host name.
    pub(crate) backup_host: Option<String>,
    /// In the order of the file.
    pub(crate) repositories: Vec<Referable<Repository>>,
    /// In the order of the file.
    pub(crate) replicas: Vec<Referable<ReplicaParent>>,
    /// What breaks every service.
    pub(crate) problems: Vec<Problem>,
}

/// A repository or replica that services refer to by its name.
#[derive(Debug)]
pub(crate) struct Referable<T> {
    pub(crate) name: String,
    /// What it is; an error breaks every service that uses it.
    pub(crate) declared: Result<T, Vec<Problem>>,
}

impl Default for HostFile {
    fn default() -> Self {
        Self {
            file: PathBuf::from("/etc/preseed/preseed.toml"),
            storage: storage::Settings::default(),
            backup_host: None,
            repositories: Vec::new(),
            replicas: Vec::new(),
            problems: Vec::new(),
        }
    }
}

impl HostFile {
    /// Reads the host's `preseed.toml`; without one, the defaults hold.
    pub(crate) fn load(search: &Search) -> Self {
        match search.read_first("preseed.toml") {
            None => Self::default(),
            Some((file, Ok(Content::Masked))) => Self {
                file,
                ..Self::default()
            },
            Some((file, Err(unreadable))) => Self {
                problems: vec![unreadable.problem(&file)],
                file,
                ..Self::default()
            },
            Some((file, Ok(Content::Text { text, doubt }))) => {
                let mut host = Self::read(&file, &text);
                host.problems.extend(doubt);
                host
            }
        }
    }

    fn read(file: &Path, text: &str) -> Self {
        let mut host = Self {
            file: file.to_path_buf(),
            ..Self::default()
        };
        let mut document = Document::new(file, text, Layer::Host);
        let (entries, whole) = document.parse();
        if whole && entries.is_empty() {
            document.note(
                0,
                "the file is empty, as a power cut leaves one that was just written",
                "write it anew; if the defaults are meant, remove it: until then no service starts",
            );
        }
        let top = Table::new(&entries, &TOP);
        if let Given::Value(At { value: table, .. }) =
            top.table(&mut document, "storage", &storage::KEYS)
        {
            host.storage = storage::Fragment::read(&mut document, &table).settle();
            table.note_unknown(&mut document, &[]);
        }
        if let Given::Value(At { value: table, .. }) =
            top.table(&mut document, "backup", &host_backup::KEYS)
        {
            let backup = host_backup::Fragment::read(&mut document, &table);
            host.backup_host = backup.host.value().map(|HostName(name)| name);
            table.note_unknown(&mut document, &[]);
        }
        let repositories = top.tables(&mut document, "repository", &repository::KEYS);
        let replicas = top.tables(&mut document, "replica", &replica::KEYS);
        top.note_unknown(&mut document, &[&storage::KEYS, &host_backup::KEYS]);
        host.problems = document.into_problems();

        // Each has its own list of problems, so that it breaks only the services that use it.
        for named in repositories {
            let document = Document::new(file, text, Layer::Host);
            host.repositories
                .push(read_named(document, &named, |document, table| {
                    repository::Fragment::read(document, table).settle(
                        document,
                        named.name,
                        named.offset,
                    )
                }));
        }
        for named in replicas {
            let document = Document::new(file, text, Layer::Host);
            host.replicas
                .push(read_named(document, &named, |document, table| {
                    replica::Fragment::read(document, table).settle(document, named.offset)
                }));
        }
        host
    }

    /// Every problem of the file.
    pub(crate) fn all_problems(&self) -> impl Iterator<Item = &Problem> {
        let repositories = self
            .repositories
            .iter()
            .filter_map(|named| named.declared.as_ref().err());
        let replicas = self
            .replicas
            .iter()
            .filter_map(|named| named.declared.as_ref().err());
        self.problems
            .iter()
            .chain(repositories.chain(replicas).flatten())
    }
}

/// Reads the table `[kind.NAME]`, with a list of problems of its own.
fn read_named<T>(
    mut document: Document<'_>,
    named: &Named<'_>,
    read: impl FnOnce(&mut Document<'_>, &Table<'_>) -> Option<T>,
) -> Referable<T> {
    let mut value = None;
    match (SharedName::of_table(named.name), &named.table) {
        (Err(invalid), _) => document.note(named.offset, invalid.what, invalid.help),
        (Ok(_), None) => document.note(
            named.offset,
            format!("{} is not a table", quoted(named.name)),
            "write its keys below a header of its own, e.g. [repository.nas-1]",
        ),
        (Ok(_), Some(table)) => {
            value = read(&mut document, table);
            table.note_unknown(&mut document, &[]);
        }
    }
    let problems = document.into_problems();
    Referable {
        name: named.name.to_owned(),
        declared: match value {
            Some(value) if problems.is_empty() => Ok(value),
            _ => Err(problems),
        },
    }
}
