//! Reads unit files as systemd.syntax(7) says, strictly, and shares no code with the writer.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared by several tests"
)]

/// What a unit file's text says: section, key, raw value.
pub(crate) fn directives(text: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut section = String::new();
    let mut continued = String::new();
    for line in text.split(['\n', '\r', '\0']) {
        let noncharacter = |c: char| {
            let code = u32::from(c);
            code & 0xFFFE == 0xFFFE || (0xFDD0..0xFDF0).contains(&code)
        };
        assert!(
            !line.chars().any(noncharacter),
            "systemd would ignore the line {line:?}"
        );
        if line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let line = std::mem::take(&mut continued) + line;
        let backslashes = line.chars().rev().take_while(|c| *c == '\\').count();
        if backslashes % 2 == 1 {
            continued = line[..line.len() - 1].to_owned() + " ";
            continue;
        }
        let line = line.trim_matches([' ', '\t']);
        if line.is_empty() {
        } else if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            name.clone_into(&mut section);
        } else {
            let (key, value) = line
                .split_once('=')
                .unwrap_or_else(|| panic!("no assignment: {line:?}"));
            found.push((
                section.clone(),
                key.to_owned(),
                value.trim_matches([' ', '\t']).to_owned(),
            ));
        }
    }
    assert_eq!(continued, "", "the last line is continued");
    found
}

/// Resolves specifiers in a unit that is no instance.
pub(crate) fn specifiers(value: &str) -> String {
    let mut out = String::new();
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (c, c == '%') {
            (_, true) => match chars.next() {
                Some('%') => out.push('%'),
                other => panic!("specifier {other:?} in {value:?}"),
            },
            (c, false) => out.push(c),
        }
    }
    out
}

/// Splits into words as systemd does, with C escapes (`ExecStart=`) or without (`RequiresMountsFor=`).
pub(crate) fn words(value: &str, c_escapes: bool) -> Vec<String> {
    let bytes = value.as_bytes();
    let mut found = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        at += 1;
        match (byte, quote) {
            (b' ' | b'\t', None) => found.extend(word.take()),
            (b'\\', _) => {
                let word = word.get_or_insert_default();
                let escaped = bytes[at];
                at += 1;
                match escaped {
                    b'x' if c_escapes => {
                        word.push(u8::from_str_radix(&value[at..at + 2], 16).unwrap());
                        at += 2;
                    }
                    b'\\' | b'"' => word.push(escaped),
                    other => panic!("escape \\{} in {value:?}", char::from(other)),
                }
            }
            (b'"' | b'\'', None) => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (_, Some(open)) if open == byte => quote = None,
            _ => word.get_or_insert_default().push(byte),
        }
    }
    assert_eq!(quote, None, "open quote in {value:?}");
    found.extend(word);
    found
        .into_iter()
        .map(|word| String::from_utf8(word).unwrap())
        .collect()
}

/// What a path reads back as: itself, or its visible escape where systemd has no way to write it.
pub(crate) fn expected_path(path: &str) -> String {
    let mut out = String::new();
    for c in path.chars() {
        let code = u32::from(c);
        if c.is_ascii_control() {
            out.extend(c.escape_default());
        } else if c.is_control() || code & 0xFFFE == 0xFFFE || (0xFDD0..0xFDF0).contains(&code) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// A word of a command line as the program gets it (systemd.service(5)): `$` starts a variable.
pub(crate) fn argument(word: &str) -> String {
    let word = specifiers(word);
    assert!(
        !word.replace("$$", "").contains('$'),
        "a variable in {word:?}"
    );
    word.replace("$$", "$")
}
