//! The scripts of a policy, which Sanoid runs as root.

use std::path::Path;

use declaration::settings::Policy;
use declaration::trust;
use storage::{Error, Result};

/// That nobody but root could have written a script of the policy, or put it there.
///
/// # Errors
/// When somebody could, or it is not there.
pub(crate) fn must_be_roots(policy: &Policy) -> Result<()> {
    policy
        .scripts
        .iter()
        .try_for_each(|(key, path)| must_be_roots_own(key, path))
}

fn must_be_roots_own(key: &str, path: &Path) -> Result<()> {
    trust::check(path).map_err(|invalid| {
        let key = key.replace('_', "-");
        Error::new(
            path.to_string_lossy(),
            format!("it cannot be run as `{key}` of a policy: {}", invalid.what),
            invalid.help,
        )
    })
}
