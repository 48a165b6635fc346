//! `preseed.toml`: what a host's services share.

use std::path::{Path, PathBuf};

use crate::document::Document;
use crate::given::{At, Given};
use crate::layer::Layer;
use crate::lookup::{Content, Search};
use crate::named_table::{NamedTable, Notes, OVER};
use crate::problem::Problem;
use crate::section::key::TableFragment as _;
use crate::section::replica::{self, ReplicaParent};
use crate::section::repository::{self, Repository};
use crate::section::snapshot_policy::{self, Policy};
use crate::section::utility::{self, Utility};
use crate::section::{host_backup, storage};
use crate::table::{Keys, Table};
use crate::value::HostName;

/// The file's name.
pub(crate) const NAME: &str = "preseed.toml";

static TOP: Keys = Keys {
    header: "",
    names: &[
        "storage",
        "backup",
        "repository",
        "replica",
        "snapshot-policy",
        "dataset",
    ],
    instead: &[],
};

/// What a host's services share, validated as far as it could be.
#[derive(Debug)]
pub(crate) struct HostFile {
    /// The file (absolute, without `PRESEED_ROOT`): where it is, or where it would be.
    pub(crate) file: PathBuf,
    /// The fragments that change it.
    pub(crate) fragments: Vec<PathBuf>,
    pub(crate) storage: storage::Settings,
    /// The host that the snapshots in restic repositories carry; `None`: this machine's host name.
    pub(crate) backup_host: Option<At<String>>,
    /// In the order of the file.
    pub(crate) repositories: Vec<Referable<Repository>>,
    /// In the order of the file.
    pub(crate) replicas: Vec<Referable<ReplicaParent>>,
    /// In the order of the file, then those that are shipped.
    pub(crate) policies: Vec<Referable<Policy>>,
    /// In the order of the file.
    pub(crate) utilities: Vec<Referable<Utility>>,
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
            fragments: Vec::new(),
            storage: storage::Settings::default(),
            backup_host: None,
            repositories: Vec::new(),
            replicas: Vec::new(),
            policies: policies(Vec::new()),
            utilities: Vec::new(),
            problems: Vec::new(),
        }
    }
}

impl HostFile {
    /// Reads the host's `preseed.toml` and its fragments; without any, the defaults hold.
    pub(crate) fn load(search: &Search) -> Self {
        let mut host = Self::default();
        let mut tables = Tables::default();
        if let Some((file, content)) = search.read_first(NAME) {
            match content {
                Ok(Content::Masked) => {}
                Ok(Content::Text { text, doubt }) => {
                    tables = Tables::read(&file, &text, 0);
                    host.problems.extend(doubt);
                }
                Err(unreadable) => {
                    // Whatever else is there, no service starts.
                    return Self {
                        problems: vec![unreadable.problem(&file)],
                        file,
                        ..Self::default()
                    };
                }
            }
            host.file = file;
        }
        let fragments = search.fragments(NAME);
        host.problems.extend(fragments.problems);
        for (file, text) in fragments.files {
            let number = u16::try_from(host.fragments.len() + 1).unwrap_or(u16::MAX);
            // What could not be read is a problem already.
            if let Ok(text) = text {
                tables = Tables::read(&file, &text, number).over(tables);
            }
            host.fragments.push(file);
        }
        host.problems.extend(tables.problems);
        host.storage = tables.storage.settle();
        host.backup_host = tables.backup.host.map(|HostName(name)| name).into_at();
        host.repositories = each(tables.repositories, repository::Fragment::settle);
        host.replicas = each(tables.replicas, replica::Fragment::settle);
        host.policies = policies(tables.policies);
        host.utilities = each(tables.utilities, utility::Fragment::settle);
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
        let policies = self.policies.iter();
        let policies = policies.filter_map(|named| named.declared.as_ref().err());
        let utilities = self.utilities.iter();
        let utilities = utilities.filter_map(|named| named.declared.as_ref().err());
        let named = repositories
            .chain(replicas)
            .chain(policies)
            .chain(utilities);
        self.problems.iter().chain(named.flatten())
    }
}

/// The tables of `preseed.toml`, as one file or several say them.
#[derive(Debug, Default)]
struct Tables {
    storage: storage::Fragment,
    backup: host_backup::Fragment,
    repositories: Vec<NamedTable<repository::Fragment>>,
    replicas: Vec<NamedTable<replica::Fragment>>,
    policies: Vec<NamedTable<snapshot_policy::Fragment>>,
    utilities: Vec<NamedTable<utility::Fragment>>,
    /// What breaks every service.
    problems: Vec<Problem>,
}

impl Tables {
    fn read(file: &Path, text: &str, number: u16) -> Self {
        let mut tables = Self::default();
        let mut document = Document::new(file, text, Layer::Host).numbered(number);
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
            tables.storage = storage::Fragment::read(&mut document, &table);
            table.note_unknown(&mut document, &[]);
        }
        if let Given::Value(At { value: table, .. }) =
            top.table(&mut document, "backup", &host_backup::KEYS)
        {
            tables.backup = host_backup::Fragment::read(&mut document, &table);
            table.note_unknown(&mut document, &[]);
        }
        let repositories = top.tables(&mut document, "repository", &repository::KEYS);
        let replicas = top.tables(&mut document, "replica", &replica::KEYS);
        let policies = top.tables(&mut document, "snapshot-policy", &snapshot_policy::KEYS);
        let utilities = top.tables(&mut document, "dataset", &utility::KEYS);
        top.note_unknown(&mut document, &[&storage::KEYS, &host_backup::KEYS]);
        tables.problems = document.into_problems();

        let document = || Document::new(file, text, Layer::Host);
        let read = |named| NamedTable::read(document(), named, repository::Fragment::read);
        tables.repositories = repositories.iter().map(read).collect();
        let read = |named| NamedTable::read(document(), named, replica::Fragment::read);
        tables.replicas = replicas.iter().map(read).collect();
        let read = |named| NamedTable::read(document(), named, snapshot_policy::Fragment::read);
        tables.policies = policies.iter().map(read).collect();
        let read = |named| NamedTable::read(document(), named, utility::Fragment::read);
        tables.utilities = utilities.iter().map(read).collect();
        tables
    }

    /// Puts them over the tables of other files.
    fn over(self, mut lower: Self) -> Self {
        lower.problems.extend(self.problems);
        NamedTable::put_over(self.repositories, &mut lower.repositories);
        NamedTable::put_over(self.replicas, &mut lower.replicas);
        NamedTable::put_over(self.policies, &mut lower.policies);
        NamedTable::put_over(self.utilities, &mut lower.utilities);
        Self {
            storage: self.storage.over(&lower.storage, OVER),
            backup: self.backup.over(&lower.backup, OVER),
            ..lower
        }
    }
}

/// The policies that are declared, and the shipped ones whose names none of them has.
fn policies(tables: Vec<NamedTable<snapshot_policy::Fragment>>) -> Vec<Referable<Policy>> {
    let mut policies = each(tables, snapshot_policy::Fragment::settle);
    for shipped in Policy::shipped() {
        if !policies.iter().any(|policy| policy.name == shipped.name) {
            policies.push(Referable {
                name: shipped.name.clone(),
                declared: Ok(shipped),
            });
        }
    }
    policies
}

/// What named tables declare, each with problems of its own.
fn each<F, T>(
    tables: Vec<NamedTable<F>>,
    settle: fn(F, &mut Notes) -> Option<T>,
) -> Vec<Referable<T>> {
    let referable = |NamedTable {
                         mut notes,
                         fragment,
                     }| {
        let value = fragment.and_then(|fragment| settle(fragment, &mut notes));
        Referable {
            name: notes.name,
            declared: match value {
                Some(value) if notes.problems.is_empty() => Ok(value),
                _ => Err(notes.problems),
            },
        }
    };
    tables.into_iter().map(referable).collect()
}
