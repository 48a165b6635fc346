use std::path::PathBuf;
use std::str::FromStr;

use super::invalid::Invalid;
use super::written::Value;
use crate::quote::quoted;

/// `PATH_MAX` without its terminating NUL (path_resolution(7)).
const LONGEST: usize = 4095;

/// `NAME_MAX`.
const LONGEST_COMPONENT: usize = 255;

/// Directories that are the machine's own: a dataset over one of them would hide what is in it.
const SYSTEM: [&str; 27] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/local",
    "/usr/sbin",
    "/usr/share",
    "/var",
    "/var/lib",
    "/var/log",
    "/var/tmp",
];

/// Directories below which nothing can be kept, or where this program's own files are.
const CLOSED: [&str; 7] = [
    "/proc",
    "/sys",
    "/dev",
    "/etc/preseed",
    "/run/preseed",
    "/usr/local/lib/preseed",
    "/usr/lib/preseed",
];

/// A path from `/` on, normalized: no `//`, `.`, `..` or final `/`, no control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AbsolutePath(pub(crate) PathBuf);

/// An absolute path that a service's data may be mounted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mountpoint(pub(crate) PathBuf);

/// Where a place is mounted: an absolute path, or one below the service's mountpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlaceMountpoint(pub(crate) PathBuf);

/// An absolute path of a file that systemd loads as a credential (`LoadCredential=`, systemd.exec(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretFile(pub(crate) PathBuf);

/// An absolute path of a program that a shell, or a configuration of another program's, takes as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScriptFile(pub(crate) PathBuf);

/// A path below a mountpoint, normalized, that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExpectedPath(pub(crate) PathBuf);

/// A path below a mountpoint, normalized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RelativePath(pub(crate) PathBuf);

impl FromStr for AbsolutePath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::new(
                "path is empty",
                "write it in full, from `/` on",
            ));
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(Invalid::new(
                format!("path {} is not absolute", quoted(text)),
                "write it in full, from `/` on",
            ));
        };
        if !rest.is_empty() {
            check_components(text, rest)?;
        }
        Ok(Self(PathBuf::from(text)))
    }
}

/// The longest last part of a mountpoint, in bytes: a file's name may have 255 (`NAME_MAX`), and a restore
/// puts a suffix such as `:preseed-kept-20261123T072100Z-before-restic` to it.
const LONGEST_LAST: usize = 180;

impl FromStr for Mountpoint {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let AbsolutePath(path) = text.parse()?;
        let below = |directory: &str| {
            text.strip_prefix(directory)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if text == "/" || SYSTEM.contains(&text) || CLOSED.iter().any(|directory| below(directory))
        {
            return Err(Invalid::new(
                format!("mountpoint {} is the machine's own", quoted(text)),
                "choose a directory for this service alone, e.g. /var/lib/NAME",
            ));
        }
        let last = text.rsplit('/').next().unwrap_or_default().len();
        if last > LONGEST_LAST {
            return Err(Invalid::new(
                format!("the last part of the mountpoint is {last} bytes long"),
                format!(
                    "choose one of at most {LONGEST_LAST}: a restore needs room to name what it keeps"
                ),
            ));
        }
        Ok(Self(path))
    }
}

impl FromStr for PlaceMountpoint {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.starts_with('/') {
            return text.parse().map(|Mountpoint(path)| Self(path));
        }
        if text.split('/').any(|part| part == "..") {
            return Err(Invalid::new(
                format!(
                    "mountpoint {} leaves the service's own by `..`",
                    quoted(text)
                ),
                "name a directory below it, or write the path in full, from `/` on",
            ));
        }
        text.parse().map(|RelativePath(path)| Self(path))
    }
}

impl Value for PlaceMountpoint {
    const EXAMPLE: &'static str = "\"MediaCover\"";
}

impl FromStr for SecretFile {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let AbsolutePath(path) = text.parse()?;
        // systemd 254 and newer hand the path to the process as one of several words, unquoted.
        if let Some(character) = text.chars().find(|c| matches!(c, ' ' | '\\')) {
            return Err(Invalid::new(
                format!(
                    "path {} of a secret holds {}",
                    quoted(text),
                    quoted(character.encode_utf8(&mut [0; 4]))
                ),
                "systemd cannot load it as a credential: rename it, or name a link to it",
            ));
        }
        Ok(Self(path))
    }
}

impl FromStr for ScriptFile {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let AbsolutePath(path) = text.parse()?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._+@-".contains(c);
        match text.chars().find(|c| !is_plain(*c)) {
            None => Ok(Self(path)),
            Some(character) => Err(Invalid::new(
                format!(
                    "path {} of a script holds {}",
                    quoted(text),
                    quoted(character.encode_utf8(&mut [0; 4]))
                ),
                "a shell would read it: name a program without arguments, by ASCII letters, digits and `/._+@-`",
            )),
        }
    }
}

impl FromStr for RelativePath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::new(
                "path is empty",
                "name a file, relative to the mountpoint",
            ));
        }
        if text.starts_with('/') {
            return Err(Invalid::new(
                format!("path {} is absolute", quoted(text)),
                "write it relative to the mountpoint",
            ));
        }
        check_components(text, text)?;
        Ok(Self(PathBuf::from(text)))
    }
}

impl FromStr for ExpectedPath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let RelativePath(path) = text.parse()?;
        if text.contains(['*', '?']) {
            return Err(Invalid::new(
                format!("path {} is written as a pattern", quoted(text)),
                "`expect` takes no patterns: name the files themselves, e.g. those without which the service has lost its data",
            ));
        }
        Ok(Self(path))
    }
}

fn check_components(text: &str, components: &str) -> Result<(), Invalid> {
    let refuse =
        |why: String, help: &str| Err(Invalid::new(format!("path {} {why}", quoted(text)), help));
    if text.chars().any(char::is_control) {
        return refuse(
            "holds a control character".into(),
            "rename it: no tool shows such a path as it is",
        );
    }
    if let Some(character) = text.chars().find(|c| is_noncharacter(*c)) {
        return refuse(
            format!(
                "holds U+{:04X}, which is no character",
                u32::from(character)
            ),
            "rename it: systemd ignores what it is in",
        );
    }
    if text.len() > LONGEST {
        return refuse(
            format!("is {} bytes long", text.len()),
            "the kernel allows 4095: choose a shorter one",
        );
    }
    for component in components.split('/') {
        match component {
            "" if components.ends_with('/') => {
                return refuse("ends with `/`".into(), "remove the last `/`");
            }
            "" => return refuse("holds `//`".into(), "remove one `/`"),
            "." | ".." => {
                return refuse(
                    format!("holds the component `{component}`"),
                    "write it without",
                );
            }
            _ if component.len() > LONGEST_COMPONENT => {
                return refuse(
                    format!("holds a name of {} bytes", component.len()),
                    "the kernel allows 255: choose a shorter one",
                );
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether Unicode promises that this is never a character (The Unicode Standard, 23.7).
fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE
}

impl Value for AbsolutePath {
    const EXAMPLE: &'static str = "\"/srv\"";
}

impl Value for Mountpoint {
    const EXAMPLE: &'static str = "\"/var/lib/sonarr\"";
}

impl Value for ScriptFile {
    const EXAMPLE: &'static str = "\"/usr/local/lib/preseed/freeze\"";
}

impl Value for SecretFile {
    const EXAMPLE: &'static str = "\"/etc/preseed/secrets/nas-1\"";
}

impl Value for ExpectedPath {
    const EXAMPLE: &'static str = RelativePath::EXAMPLE;
}

impl Value for RelativePath {
    const EXAMPLE: &'static str = "\"sonarr.db\"";
}

#[cfg(test)]
mod tests;
