use std::str::FromStr;

use super::{Invalid, RESERVED, ServiceName, Value};
use crate::quote::quoted;

/// So that `preseed-NAME.service` and `50-preseed-NAME.conf` have at most 255 bytes.
const LONGEST: usize = 239;

impl FromStr for ServiceName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = |why: String, cure: &str| {
            Err(Invalid::new(
                format!("service name {} {why}", quoted(text)),
                cure,
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
