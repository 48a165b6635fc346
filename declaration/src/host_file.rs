//! `preseed.toml`: what a host's services share.

use std::path::{Path, PathBuf};

use crate::document::{At, Document, Given};
use crate::layer::Layer;
use crate::lookup::{Content, Search};
use crate::problem::Problem;
use crate::quote::quoted;
use crate::settings::Repository;
use crate::table::{Keys, Named, Table};
use crate::value::{
    AbsolutePath, Backend, Count, DatasetName, HostName, RepositoryUrl, SecretFile, SharedName,
    SshHost,
};

/// Where a password goes.
const PASSWORD_FILE: &str = "everybody may read a declaration: write the password into a file that only root can read, \
     and name that file as `password-file`";
/// Where it goes what is a service's own.
const IN_BACKUP: &str = "it belongs in [backup] of a service's file";

static TOP: Keys = Keys {
    header: "",
    names: &["storage", "backup", "repository", "replica"],
    instead: &[],
};
static STORAGE: Keys = Keys {
    header: "[storage]",
    names: &["backend", "parent", "mount-base", "max-parallel-restores"],
    instead: &[],
};
static BACKUP: Keys = Keys {
    header: "[backup]",
    names: &["host"],
    instead: &[],
};
static REPOSITORY: Keys = Keys {
    header: "[repository.NAME]",
    names: &["url", "password-file", "environment-file"],
    instead: &[
        ("password", PASSWORD_FILE),
        ("password-command", PASSWORD_FILE),
        ("tags", IN_BACKUP),
        ("host", IN_BACKUP),
        ("path", IN_BACKUP),
    ],
};
static REPLICA: Keys = Keys {
    header: "[replica.NAME]",
    names: &["host", "parent"],
    instead: &[],
};

/// What a host's services share, validated as far as it could be.
#[derive(Debug)]
pub(crate) struct HostFile {
    /// The file (absolute, without `PRESEED_ROOT`): where it is, or where it would be.
    pub(crate) file: PathBuf,
    pub(crate) backend: Backend,
    /// Where a service without a dataset of its own name goes.
    pub(crate) parent: DatasetName,
    /// Where a service without a mountpoint goes.
    pub(crate) mount_base: PathBuf,
    /// Whether the file says so.
    pub(crate) mount_base_layer: Layer,
    /// How many restores that move data run at once.
    pub(crate) max_parallel_restores: Count<100>,
    /// The host that the snapshots in restic repositories carry; `None`: this machine's host name.
    pub(crate) backup_host: Option<String>,
    /// In the order of the file.
    pub(crate) repositories: Vec<Shared<Repository>>,
    /// In the order of the file.
    pub(crate) replicas: Vec<Shared<ReplicaParent>>,
    /// What breaks every service.
    pub(crate) problems: Vec<Problem>,
}

/// A repository or replica, by name.
#[derive(Debug)]
pub(crate) struct Shared<T> {
    pub(crate) name: String,
    /// What it is; an error breaks every service that uses it.
    pub(crate) declared: Result<T, Vec<Problem>>,
}

/// Where the datasets of a host are replicated to.
#[derive(Debug, Clone)]
pub(crate) struct ReplicaParent {
    pub(crate) host: Option<String>,
    pub(crate) parent: DatasetName,
}

impl Default for HostFile {
    fn default() -> Self {
        Self {
            file: PathBuf::from("/etc/preseed/preseed.toml"),
            backend: Backend::default(),
            parent: DatasetName("rpool/safe/persist".to_owned()),
            mount_base: PathBuf::from("/srv"),
            mount_base_layer: Layer::Default,
            max_parallel_restores: Count(2),
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
        let mut document = Document::new(file, text);
        let (entries, whole) = document.parse();
        if whole && entries.is_empty() {
            document.note(
                0,
                "the file is empty, as a power cut leaves one that was just written",
                "write it anew; if the defaults are meant, remove it: until then no service starts",
            );
        }
        let top = Table::new(&entries, &TOP);
        if let Given::Value(At { value: table, .. }) = top.table(&mut document, "storage", &STORAGE)
        {
            if let Given::Value(backend) = table.text(&mut document, "backend") {
                host.backend = backend.value;
            }
            if let Given::Value(parent) = table.text(&mut document, "parent") {
                host.parent = parent.value;
            }
            if let Given::Value(At { value, .. }) = table.text(&mut document, "mount-base") {
                let AbsolutePath(path) = value;
                host.mount_base = path;
                host.mount_base_layer = Layer::Host;
            }
            if let Given::Value(count) = table.text(&mut document, "max-parallel-restores") {
                host.max_parallel_restores = count.value;
            }
            table.note_unknown(&mut document, &[]);
        }
        if let Given::Value(At { value: table, .. }) = top.table(&mut document, "backup", &BACKUP) {
            if let Given::Value(At { value, .. }) = table.text(&mut document, "host") {
                let HostName(name) = value;
                host.backup_host = Some(name);
            }
            table.note_unknown(&mut document, &[]);
        }
        let repositories = top.tables(&mut document, "repository", &REPOSITORY);
        let replicas = top.tables(&mut document, "replica", &REPLICA);
        top.note_unknown(&mut document, &[&STORAGE, &BACKUP]);
        host.problems = document.into_problems();

        // Each has its own list of problems, so that it breaks only the services that use it.
        for named in repositories {
            let document = Document::new(file, text);
            host.repositories
                .push(read_shared(document, &named, read_repository));
        }
        for named in replicas {
            let document = Document::new(file, text);
            host.replicas
                .push(read_shared(document, &named, read_replica));
        }
        host
    }

    /// Every problem of the file.
    pub(crate) fn all_problems(&self) -> impl Iterator<Item = &Problem> {
        let repositories = self
            .repositories
            .iter()
            .filter_map(|shared| shared.declared.as_ref().err());
        let replicas = self
            .replicas
            .iter()
            .filter_map(|shared| shared.declared.as_ref().err());
        self.problems
            .iter()
            .chain(repositories.chain(replicas).flatten())
    }
}

fn read_shared<T>(
    mut document: Document<'_>,
    named: &Named<'_>,
    read: fn(&mut Document<'_>, &Named<'_>, &Table<'_>) -> Option<T>,
) -> Shared<T> {
    let mut value = None;
    match (SharedName::of_table(named.name), &named.table) {
        (Err(invalid), _) => document.note(named.offset, invalid.what, invalid.help),
        (Ok(_), None) => document.note(
            named.offset,
            format!("{} is not a table", quoted(named.name)),
            "write its keys below a header of its own, e.g. [repository.nas-1]",
        ),
        (Ok(_), Some(table)) => {
            value = read(&mut document, named, table);
            table.note_unknown(&mut document, &[]);
        }
    }
    let problems = document.into_problems();
    Shared {
        name: named.name.to_owned(),
        declared: match value {
            Some(value) if problems.is_empty() => Ok(value),
            _ => Err(problems),
        },
    }
}

/// The value of a key that must be there.
fn required<T>(
    document: &mut Document<'_>,
    offset: usize,
    given: Given<T>,
    what: &str,
    example: &str,
) -> Option<T> {
    match given {
        Given::Value(at) => Some(at.value),
        Given::Unreadable => None,
        Given::No => {
            document.note(
                offset,
                format!("{what} is missing"),
                format!("add e.g. {example}"),
            );
            None
        }
    }
}

fn read_repository(
    document: &mut Document<'_>,
    named: &Named<'_>,
    table: &Table<'_>,
) -> Option<Repository> {
    let Named { name, offset, .. } = *named;
    let url: Given<RepositoryUrl> = table.text(document, "url");
    let password_file: Given<SecretFile> = table.text(document, "password-file");
    let environment_file: Given<SecretFile> = table.text(document, "environment-file");
    let url = required(
        document,
        offset,
        url,
        "the repository's `url`",
        "url = \"rest:https://nas-1:8000/forge\"",
    );
    let password_file = required(
        document,
        offset,
        password_file,
        "the repository's `password-file`",
        &format!("password-file = \"/etc/preseed/secrets/{name}\""),
    );
    Some(Repository {
        name: name.to_owned(),
        url: url?.0,
        password_file: password_file?.0,
        environment_file: match environment_file {
            Given::Value(at) => Some(at.value.0),
            Given::No | Given::Unreadable => None,
        },
    })
}

fn read_replica(
    document: &mut Document<'_>,
    named: &Named<'_>,
    table: &Table<'_>,
) -> Option<ReplicaParent> {
    let host: Given<SshHost> = table.text(document, "host");
    let parent: Given<DatasetName> = table.text(document, "parent");
    let parent = required(
        document,
        named.offset,
        parent,
        "the replica's `parent`",
        "parent = \"backup/services\"",
    );
    Some(ReplicaParent {
        host: match host {
            Given::Value(at) => Some(at.value.0),
            Given::No | Given::Unreadable => None,
        },
        parent: parent?,
    })
}
