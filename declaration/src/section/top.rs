//! The top level of a service's file.

use super::key::keys;
use crate::value::TemplateName;

keys! {
    /// At the top of the file, before the first table.
    table "";
    tables "user" "dataset" "preseed" "snapshots" "backup" "promise" "drill" "place";

    /// The catalog entry to start from. `template = "NAME"` takes all that `catalog/NAME.toml` declares; what the
    /// service's own file declares overrides it, key by key. A list is replaced as a whole. A template extends no other.
    template: TemplateName = "template", default "none", example "\"sonarr\"";
}

/// The tables of a template. It has no template of its own: so none can extend itself in a circle.
static OF_A_TEMPLATE: crate::table::Keys = crate::table::Keys {
    header: "",
    names: &[
        "user",
        "dataset",
        "preseed",
        "snapshots",
        "backup",
        "promise",
        "drill",
        "place",
    ],
    instead: &[(
        "template",
        "a template extends no other: copy what is wanted of it into this file; what one service alone needs goes into \
         the service's own file or a fragment of it",
    )],
};

/// The tables of a template, or of a service's file.
pub(crate) fn keys(is_template: bool) -> &'static crate::table::Keys {
    if is_template { &OF_A_TEMPLATE } else { &KEYS }
}
