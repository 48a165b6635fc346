//! Paths in messages.

use std::path::Path;

/// A path as it is typed in a shell.
pub(crate) fn quoted(path: &Path) -> String {
    format!("'{}'", shown(path).replace('\'', "'\\''"))
}

/// What is told of a path in a message: with control characters escaped.
pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string().escape_debug().to_string()
}
