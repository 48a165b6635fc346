//! One file of a service as read: every key optional, with its place.

mod check;
mod max_age;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::document::{At, Document, Given};
use crate::layer::Layer;
use crate::place::Place;
use crate::problem::Problem;
use crate::settings::{Check, KeepReplaced, OnPartial, OnUnavailable, Prefer};
use crate::table::{Keys, Table};
use crate::value::{
    AbsolutePath, Compression, Count, DatasetName, EntryName, ExpectedPath, HostName, Mode,
    Mountpoint, Pattern, Principal, Recordsize, RelativePath, SharedName, Tag, TemplateName,
    TierName, TimeSpan, UnitName,
};

/// Where it goes what is a repository's own.
const REPOSITORY: &str =
    "it belongs in a [repository.NAME] of preseed.toml; write `repository = \"NAME\"` here";

static TOP: Keys = Keys {
    header: "",
    names: &["template", "dataset", "preseed", "backup"],
    instead: &[],
};
static TEMPLATE: Keys = Keys {
    header: "",
    names: &["dataset", "preseed", "backup"],
    instead: &[],
};
static DATASET: Keys = Keys {
    header: "[dataset]",
    names: &[
        "name",
        "recordsize",
        "compression",
        "mountpoint",
        "owner",
        "group",
        "mode",
    ],
    instead: &[],
};
static PRESEED: Keys = Keys {
    header: "[preseed]",
    names: &[
        "unit",
        "tiers",
        "expect",
        "ignore",
        "skeleton",
        "verify",
        "paths",
        "prefer",
        "max-candidates",
        "max-age",
        "stall-timeout",
        "keep-replaced",
        "on-partial",
        "on-unavailable",
        "replicas",
    ],
    instead: &[],
};
static BACKUP: Keys = Keys {
    header: "[backup]",
    names: &["repository", "host", "path", "tags", "exclude"],
    instead: &[
        ("url", REPOSITORY),
        ("password", REPOSITORY),
        ("password-file", REPOSITORY),
        ("environment-file", REPOSITORY),
    ],
};

/// What a service's file, or a template, says.
#[derive(Debug, Default)]
pub(crate) struct Fragment {
    pub(crate) template: Given<TemplateName>,

    pub(crate) dataset: Given<DatasetName>,
    pub(crate) recordsize: Given<Recordsize>,
    pub(crate) compression: Given<Compression>,
    pub(crate) mountpoint: Given<Mountpoint>,
    pub(crate) owner: Given<Principal>,
    pub(crate) group: Given<Principal>,
    pub(crate) mode: Given<Mode>,

    pub(crate) units: Given<Vec<At<UnitName>>>,
    pub(crate) tiers: Given<Vec<At<TierName>>>,
    pub(crate) expect: Given<Vec<ExpectedPath>>,
    pub(crate) ignore: Given<Vec<EntryName>>,
    pub(crate) skeleton: Given<Vec<RelativePath>>,
    pub(crate) verify: Given<Vec<Check>>,
    pub(crate) paths: Given<Vec<At<RelativePath>>>,
    pub(crate) prefer: Given<Prefer>,
    pub(crate) max_candidates: Given<Count<1000>>,
    pub(crate) max_age: Given<BTreeMap<TierName, Duration>>,
    pub(crate) stall_timeout: Given<TimeSpan>,
    pub(crate) keep_replaced: Given<KeepReplaced>,
    pub(crate) on_partial: Given<OnPartial>,
    pub(crate) on_unavailable: Given<OnUnavailable>,
    pub(crate) replicas: Given<Vec<At<SharedName>>>,

    pub(crate) repository: Given<SharedName>,
    pub(crate) host: Given<HostName>,
    pub(crate) path: Given<AbsolutePath>,
    pub(crate) tags: Given<Vec<Tag>>,
    pub(crate) exclude: Given<Vec<Pattern>>,

    /// Who said what may not be applied to storage that is there. Known once merged.
    pub(crate) layers: Layers,

    /// Where `[backup]` is, if it is there.
    pub(crate) backup: Option<Place>,
    /// The units that could be read, if `units` is unreadable.
    pub(crate) salvaged: Vec<UnitName>,
    /// Whether the whole file could be parsed: else a key that is not given may be in what could not.
    pub(crate) whole: bool,
}

/// Who said each of these.
#[derive(Debug)]
pub(crate) struct Layers {
    pub(crate) mountpoint: Layer,
    pub(crate) owner: Layer,
    pub(crate) group: Layer,
    pub(crate) mode: Layer,
    pub(crate) recordsize: Layer,
    pub(crate) compression: Layer,
    pub(crate) path: Layer,
}

impl Default for Layers {
    fn default() -> Self {
        Self {
            mountpoint: Layer::Default,
            owner: Layer::Default,
            group: Layer::Default,
            mode: Layer::Default,
            recordsize: Layer::Default,
            compression: Layer::Default,
            path: Layer::Default,
        }
    }
}

impl Fragment {
    /// Reads the text of `file` (absolute, without `PRESEED_ROOT`), and what is wrong with it.
    pub(crate) fn read(file: &Path, text: &str, is_template: bool) -> (Self, Vec<Problem>) {
        let mut document = Document::new(file, text);
        let fragment = Self::read_from(&mut document, is_template);
        (fragment, document.into_problems())
    }

    fn read_from(document: &mut Document<'_>, is_template: bool) -> Self {
        let (entries, mut whole) = document.parse();
        if whole && entries.is_empty() {
            let (what, help) = if is_template {
                ("the template is empty", "write it anew or remove it")
            } else {
                (
                    "the declaration is empty",
                    "write it anew; for a service that needs nothing but the defaults, write [preseed]; for none, remove the file",
                )
            };
            document.note(
                0,
                format!("{what}, as a power cut leaves a file that was just written"),
                help,
            );
            // What it said is not known.
            whole = false;
        }
        let keys = if is_template { &TEMPLATE } else { &TOP };
        let top = Table::new(&entries, keys);
        let elsewhere = [keys, &DATASET, &PRESEED, &BACKUP];
        let mut fragment = Self {
            whole,
            ..Self::default()
        };
        if !is_template {
            fragment.template = top.text(document, "template");
        }
        let mut table = |key, keys| match top.table(document, key, keys) {
            Given::Value(at) => Some(at),
            Given::No => None,
            Given::Unreadable => {
                fragment.whole = false;
                None
            }
        };
        let dataset = table("dataset", &DATASET);
        let preseed = table("preseed", &PRESEED);
        let backup = table("backup", &BACKUP);

        if let Some(At { value: table, .. }) = dataset {
            fragment.dataset = table.text(document, "name");
            fragment.recordsize = table.text(document, "recordsize");
            fragment.compression = table.text(document, "compression");
            fragment.mountpoint = table.text(document, "mountpoint");
            fragment.owner = table.text(document, "owner");
            fragment.group = table.text(document, "group");
            fragment.mode = table.text(document, "mode");
            table.note_unknown(document, &elsewhere);
        }
        if let Some(At { value: table, .. }) = preseed {
            (fragment.units, fragment.salvaged) = table.one_or_more(document, "unit");
            fragment.tiers = table.list_at(document, "tiers");
            fragment.expect = table.list(document, "expect");
            fragment.ignore = table.list(document, "ignore");
            fragment.skeleton = table.list(document, "skeleton");
            fragment.verify = check::read(document, &table);
            fragment.paths = table.list_at(document, "paths");
            fragment.prefer = table.text(document, "prefer");
            fragment.max_candidates = table.text(document, "max-candidates");
            fragment.max_age = max_age::read(document, &table);
            fragment.stall_timeout = table.text(document, "stall-timeout");
            fragment.keep_replaced = table.text(document, "keep-replaced");
            fragment.on_partial = table.text(document, "on-partial");
            fragment.on_unavailable = table.text(document, "on-unavailable");
            fragment.replicas = table.list_at(document, "replicas");
            table.note_unknown(document, &elsewhere);
        }
        if let Some(At {
            value: table,
            place,
        }) = backup
        {
            fragment.backup = Some(place);
            fragment.repository = table.text(document, "repository");
            fragment.host = table.text(document, "host");
            fragment.path = table.text(document, "path");
            fragment.tags = table.list(document, "tags");
            fragment.exclude = table.list(document, "exclude");
            table.note_unknown(document, &elsewhere);
        }
        top.note_unknown(document, &elsewhere);
        fragment
    }
}
