use std::str::FromStr;

use super::invalid::Invalid;
use super::types::{RESERVED, ServiceName};
use super::written::Value;
use crate::quote::quoted;

/// So that `preseed-NAME.service` and `50-preseed-NAME.conf` have at most 255 bytes.
const LONGEST: usize = 239;

impl FromStr for ServiceName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = |why: String, help: &str| {
            Err(Invalid::new(
                format!("service name {} {why}", quoted(text)),
                help,
            ))
        };
        if text.is_empty() {
            return refuse("is empty".into(), "name the file after the service");
        }
        if text.len() > LONGEST {
            return refuse(
                format!("is {} bytes long", text.len()),
                "unit names have at most 255 bytes: choose a name of at most 239",
            );
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '.' | '-');
        if let Some(character) = text.chars().find(|c| !allowed(*c)) {
            return refuse(
                format!("holds {}", quoted(character.encode_utf8(&mut [0; 4]))),
                "use ASCII letters, digits and `-`, `_`, `.`, `:`",
            );
        }
        if text.starts_with(['.', '-']) {
            return refuse(
                format!("begins with `{}`", &text[..1]),
                "let it begin with a letter or a digit",
            );
        }
        if text.contains(RESERVED) {
            return refuse(
                format!("holds `{RESERVED}`"),
                "this marks datasets that a restore stages or keeps: choose another name",
            );
        }
        Ok(Self(text.to_owned()))
    }
}

impl Value for ServiceName {
    const EXAMPLE: &'static str = "\"sonarr\"";
}

#[cfg(test)]
mod tests {
    use super::super::check::{refuses, takes};
    use super::*;

    #[test]
    fn service_names() {
        let long = "x".repeat(239);
        takes::<ServiceName>(&["sonarr", "a", "0", "x.y:z_1-2", "preseed", &long]);
        let too_long = "x".repeat(240);
        refuses::<ServiceName>(&[
            (
                "",
                "service name `` is empty: name the file after the service",
            ),
            (
                ".x",
                "service name `.x` begins with `.`: let it begin with a letter or a digit",
            ),
            (
                "-x",
                "service name `-x` begins with `-`: let it begin with a letter or a digit",
            ),
            (
                "a b",
                "service name `a b` holds ` `: use ASCII letters, digits and `-`, `_`, `.`, `:`",
            ),
            (
                "a/b",
                "service name `a/b` holds `/`: use ASCII letters, digits and `-`, `_`, `.`, `:`",
            ),
            (
                "%i",
                "service name `%i` holds `%`: use ASCII letters, digits and `-`, `_`, `.`, `:`",
            ),
            (
                "a@b",
                "service name `a@b` holds `@`: use ASCII letters, digits and `-`, `_`, `.`, `:`",
            ),
            (
                "a\nb",
                r"service name `a\nb` holds `\n`: use ASCII letters, digits and `-`, `_`, `.`, `:`",
            ),
            (
                "$(reboot)",
                "service name `$(reboot)` holds `$`: use ASCII letters, digits and `-`, `_`, `.`, `:`",
            ),
            (
                "a:preseed-b",
                "service name `a:preseed-b` holds `:preseed-`: this marks datasets that a restore stages or keeps: choose another name",
            ),
            (
                &too_long,
                &format!(
                    "service name `{}…` is 240 bytes long: unit names have at most 255 bytes: choose a name of at most 239",
                    &too_long[..80]
                ),
            ),
        ]);
    }
}
