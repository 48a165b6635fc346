//! One file of a service as read: every key optional, with its place.

use std::path::Path;

use crate::document::{At, Document, Given};
use crate::place::Place;
use crate::problem::Problem;
use crate::settings::{OnPartial, OnUnavailable};
use crate::value::{
    AbsolutePath, Compression, DatasetName, EntryName, HostName, Mode, Mountpoint, Pattern,
    Principal, Recordsize, RelativePath, SharedName, Tag, TemplateName, TierName, UnitName,
};

/// Which keys belong where: for "it belongs in".
const KEYS: [(&str, &[&str]); 4] = [
    ("", &["template"]),
    (
        "[dataset]",
        &[
            "name",
            "recordsize",
            "compression",
            "mountpoint",
            "owner",
            "group",
            "mode",
        ],
    ),
    (
        "[preseed]",
        &[
            "unit",
            "tiers",
            "expect",
            "ignore",
            "on-partial",
            "on-unavailable",
            "replicas",
        ],
    ),
    (
        "[backup]",
        &["repository", "host", "path", "tags", "exclude"],
    ),
];

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
    pub(crate) expect: Given<Vec<At<RelativePath>>>,
    pub(crate) ignore: Given<Vec<At<EntryName>>>,
    pub(crate) on_partial: Given<OnPartial>,
    pub(crate) on_unavailable: Given<OnUnavailable>,
    pub(crate) replicas: Given<Vec<At<SharedName>>>,

    pub(crate) repository: Given<SharedName>,
    pub(crate) host: Given<HostName>,
    pub(crate) path: Given<AbsolutePath>,
    pub(crate) tags: Given<Vec<At<Tag>>>,
    pub(crate) exclude: Given<Vec<At<Pattern>>>,

    /// Where `[backup]` is, if it is there.
    pub(crate) backup: Option<Place>,
    /// The units that could be read, if `units` is unreadable.
    pub(crate) salvaged: Vec<UnitName>,
    /// Whether the whole file could be parsed: else a key that is not given may be in what could not.
    pub(crate) whole: bool,
}

impl Fragment {
    /// Reads the text of `file` (absolute, without `PRESEED_ROOT`), and what is wrong with it.
    pub(crate) fn read(file: &Path, text: &str, is_template: bool) -> (Self, Vec<Problem>) {
        let mut document = Document::new(file, text);
        let fragment = Self::read_from(&mut document, is_template);
        (fragment, document.into_problems())
    }

    fn read_from(document: &mut Document<'_>, is_template: bool) -> Self {
        let (mut top, whole) = document.parse();
        let mut fragment = Self {
            whole,
            ..Self::default()
        };

        if !is_template {
            fragment.template = top.text(document, "template");
        }
        match top.table(document, "dataset", "[dataset]") {
            Given::Value(At {
                value: mut table, ..
            }) => {
                fragment.dataset = table.text(document, "name");
                fragment.recordsize = table.text(document, "recordsize");
                fragment.compression = table.text(document, "compression");
                fragment.mountpoint = table.text(document, "mountpoint");
                fragment.owner = table.text(document, "owner");
                fragment.group = table.text(document, "group");
                fragment.mode = table.text(document, "mode");
                table.finish(document, &KEYS);
            }
            Given::Unreadable => fragment.whole = false,
            Given::No => {}
        }

        match top.table(document, "preseed", "[preseed]") {
            Given::Value(At {
                value: mut table, ..
            }) => {
                let (units, salvaged) = table.one_or_more(document, "unit");
                fragment.units = units;
                fragment.salvaged = salvaged.into_iter().map(|unit| unit.value).collect();
                fragment.tiers = table.list(document, "tiers").0;
                fragment.expect = table.list(document, "expect").0;
                fragment.ignore = table.list(document, "ignore").0;
                fragment.on_partial = table.text(document, "on-partial");
                fragment.on_unavailable = table.text(document, "on-unavailable");
                fragment.replicas = table.list(document, "replicas").0;
                table.finish(document, &KEYS);
            }
            Given::Unreadable => fragment.whole = false,
            Given::No => {}
        }

        match top.table(document, "backup", "[backup]") {
            Given::Value(At {
                value: mut table,
                place,
            }) => {
                fragment.backup = Some(place);
                fragment.repository = table.text(document, "repository");
                fragment.host = table.text(document, "host");
                fragment.path = table.text(document, "path");
                fragment.tags = table.list(document, "tags").0;
                fragment.exclude = table.list(document, "exclude").0;
                table.finish(document, &KEYS);
            }
            Given::Unreadable => fragment.whole = false,
            Given::No => {}
        }
        top.finish(document, &KEYS);
        fragment
    }
}
