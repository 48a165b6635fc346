use std::str::FromStr;

use super::invalid::Invalid;
use super::path::AbsolutePath;
use super::written::Value;
use crate::quote::nearest;

/// The kinds of repository that restic knows, besides a path.
const SCHEMES: [&str; 9] = [
    "local", "sftp", "rest", "s3", "swift", "b2", "azure", "gs", "rclone",
];

/// A restic repository's address, without any secret. Its messages never show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RepositoryUrl(pub(crate) String);

impl FromStr for RepositoryUrl {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::new(
                "url is empty",
                "write it as `restic -r` takes it",
            ));
        }
        if text.chars().any(char::is_control) {
            return Err(Invalid::new(
                "url holds a control character",
                "write it on one line",
            ));
        }
        if holds_password(text) {
            return Err(Invalid::new(
                "url holds a password",
                "put user and password in environment-file as RESTIC_REST_USERNAME= / RESTIC_REST_PASSWORD=, \
                 or as the variables that restic documents for this backend",
            ));
        }
        let path = match text.split_once(':') {
            _ if text.starts_with('/') => text,
            Some(("local", path)) => path,
            Some((scheme, address)) if SCHEMES.contains(&scheme) => {
                if address.is_empty() {
                    return Err(Invalid::new(
                        "url names no place",
                        "write it as `restic -r` takes it",
                    ));
                }
                return Ok(Self(text.to_owned()));
            }
            Some((scheme @ ("http" | "https"), _)) => {
                return Err(Invalid::new(
                    format!("url begins with `{scheme}:`"),
                    format!("restic wants `rest:{scheme}:` for a rest server"),
                ));
            }
            scheme => {
                let meant = scheme.and_then(|(scheme, _)| nearest(scheme, SCHEMES));
                let help = match meant {
                    Some(meant) => format!("did you mean `{meant}:`?"),
                    None => "begin with `/` for a directory, or with `rest:`, `sftp:`, `s3:` …"
                        .to_owned(),
                };
                return Err(Invalid::new(
                    "url is neither an absolute path nor of a kind that restic knows",
                    help,
                ));
            }
        };
        // A path is no secret, but what is wrong with it is said without it all the same.
        if path.parse::<AbsolutePath>().is_err() {
            return Err(Invalid::new(
                "url is not an absolute, normalized path",
                "write it from `/` on, without `//`, `.`, `..` and without a final `/`",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Whether the address carries `user:password@`.
fn holds_password(url: &str) -> bool {
    if url.starts_with('/') || url.starts_with("local:") {
        return false;
    }
    let (is_url, rest) = match (url.split_once("//"), url.strip_prefix("sftp:")) {
        (Some((_, rest)), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return false,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if let Some((user, _)) = authority.rsplit_once('@') {
        return user.contains(':');
    }
    // A password may hold a `/` that should have been escaped: then what looks like the port is none.
    let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
    let is_port = port.ends_with(']') || port.bytes().all(|byte| byte.is_ascii_digit());
    is_url && !is_port && path.contains('@')
}

impl Value for RepositoryUrl {
    const EXAMPLE: &'static str = "\"rest:https://nas-1:8000/forge\"";
}

#[cfg(test)]
mod tests {
    use super::super::check::{refuses, takes};
    use super::*;

    #[test]
    fn urls() {
        takes::<RepositoryUrl>(&[
            "/srv/restic",
            "local:/srv/restic",
            "/srv/a:b@c",
            "rest:https://nas-1:8000/forge",
            "rest:https://me@nas-1/",
            "rest:http://[::1]:8000/a@b",
            "sftp:me@nas-1:/srv/restic",
            "sftp:nas-1:/a@b",
            "sftp://me@nas-1:22//srv",
            "s3:s3.amazonaws.com/bucket",
            "s3:https://host:9000/bucket",
            "b2:bucket:path",
            "rclone:remote:a@b",
            "rest:https://nas-1:8000/a@b",
        ]);
        let secret = "url holds a password: put user and password in environment-file as RESTIC_REST_USERNAME= / RESTIC_REST_PASSWORD=, or as the variables that restic documents for this backend";
        let path = "url is not an absolute, normalized path: write it from `/` on, without `//`, `.`, `..` and without a final `/`";
        refuses::<RepositoryUrl>(&[
            ("rest:https://me:hunter2@nas-1/", secret),
            ("rest:https://me:hunter2@nas-1:8000", secret),
            ("rest:https://me:hunt/er2@nas-1:8000/", secret),
            ("rest:https://:hunter2@nas-1/", secret),
            ("https://me:hunter2@nas-1/", secret),
            ("sftp://me:hunter2@nas-1//srv", secret),
            ("sftp:me:hunter2@nas-1:/srv", secret),
            ("", "url is empty: write it as `restic -r` takes it"),
            (
                "rest:",
                "url names no place: write it as `restic -r` takes it",
            ),
            (
                "rest:https://x\n",
                "url holds a control character: write it on one line",
            ),
            (
                "https://nas-1/",
                "url begins with `https:`: restic wants `rest:https:` for a rest server",
            ),
            (
                "restt:https://nas-1/",
                "url is neither an absolute path nor of a kind that restic knows: did you mean `rest:`?",
            ),
            (
                "srv/restic",
                "url is neither an absolute path nor of a kind that restic knows: begin with `/` for a directory, or with `rest:`, `sftp:`, `s3:` …",
            ),
            ("local:srv", path),
            ("/srv/../x", path),
            ("/srv/x/", path),
        ]);
    }
}
