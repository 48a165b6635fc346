//! Any text, in any place of a unit, is read back as that text, by a parser of systemd.syntax(7)
//! that shares no code with the writer.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use generator::unit::{Section, Unit, Value};
use generator::unit_name::{Names, escape};
use proptest::prelude::*;

/// Text that is likely to hold what has a meaning somewhere.
fn hostile() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        "\n",
        "\r",
        "\0",
        "\\",
        "\"",
        "'",
        "%",
        "%i",
        "%%",
        "$",
        "$$",
        "${HOME}",
        "$(reboot)",
        " ",
        "\t",
        ";",
        "#",
        "=",
        "[",
        "]",
        "[Service]",
        "\nExecStart=/bin/false\n",
        "\\\n",
        "/",
        "..",
        ":",
        "-",
        "--",
        "!",
        "|",
        "ü",
        "日",
        "\u{85}",
        "\u{feff}",
        "\u{fdd0}",
        "\u{fffe}",
        "\u{10ffff}",
        "\u{7f}",
        "\u{1b}[31m",
        "\\x2d",
        "\\n",
        "~",
        "@",
    ]);
    let piece = prop_oneof![
        special.prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
        "[a-z]{1,4}"
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// What a unit file's text says: section, key, raw value.
fn directives(text: &str) -> Vec<(String, String, String)> {
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
fn specifiers(value: &str) -> String {
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
fn words(value: &str, c_escapes: bool) -> Vec<String> {
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
fn expected_path(path: &str) -> String {
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_are_read_back(text in hostile(), name in hostile(), below in hostile()) {
        let path = format!("/srv/{below}");
        let unit = Unit {
            source: Path::new(&path),
            sections: vec![
                Section { name: "Unit", directives: vec![
                    ("Description", Value::Text(text.as_str().into())),
                    ("SourcePath", Value::Path(Path::new(&path))),
                    ("RequiresMountsFor", Value::QuotedPath(Path::new(&path))),
                    ("Before", Value::Units(vec!["a.service", "b\\x20c@d.service"])),
                ]},
                Section { name: "Service", directives: vec![
                    ("ExecStart", Value::Command { program: "/bin/helper run", argument: &name }),
                    ("LoadCredential", Value::Credential { id: "password", file: Path::new(&path) }),
                    ("Type", Value::Fixed("oneshot")),
                ]},
            ],
        };
        let mut rendered = String::new();
        unit.render(&mut rendered);

        let read = directives(&rendered);
        let keys: Vec<_> = read.iter().map(|(section, key, _)| format!("{section}.{key}")).collect();
        prop_assert_eq!(keys, [
            "Unit.Description", "Unit.SourcePath", "Unit.RequiresMountsFor", "Unit.Before",
            "Service.ExecStart", "Service.LoadCredential", "Service.Type",
        ]);
        let value = |key: &str| &read.iter().find(|(_, found, _)| found == key).unwrap().2;
        let expected = expected_path(&path);

        let source = specifiers(value("SourcePath"));
        let guard = expected.ends_with(['\\', ' ']);
        let slashed = if guard { format!("{expected}/") } else { expected.clone() };
        prop_assert_eq!(source, slashed.as_str());
        prop_assert_eq!(
            words(value("RequiresMountsFor"), false).iter().map(|word| specifiers(word)).collect::<Vec<_>>(),
            [expected.as_str()]
        );
        prop_assert_eq!(specifiers(value("LoadCredential")), format!("password:{slashed}"));
        prop_assert_eq!(value("Before"), "a.service b\\x20c@d.service");
        prop_assert_eq!(value("Type"), "oneshot");

        let mut command = words(value("ExecStart"), true).iter().map(|word| specifiers(word)).collect::<Vec<_>>();
        // systemd.service(5): `$` starts a variable, except in the program's own path.
        for word in &mut command {
            prop_assert_eq!(word.replace("$$", "").find('$'), None);
            *word = word.replace("$$", "$");
        }
        if name.starts_with('-') {
            prop_assert_eq!(command.remove(2), "--");
        }
        prop_assert_eq!(command, ["/bin/helper", "run", name.as_str()]);
    }

    #[test]
    fn names_are_valid_and_tell_services_apart(one in hostile(), other in hostile()) {
        let names = Names::of(&one);
        for name in [&names.dataset, &names.preseed, &names.drop_in] {
            prop_assert!(name.len() <= 255, "{} is {} bytes long", name, name.len());
            prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || ":-_.\\".contains(c)), "{}", name);
        }
        // A file's name holds no `/`.
        if one.replace('/', "") != other.replace('/', "") {
            prop_assert_ne!(Names::of(&one.replace('/', "")), Names::of(&other.replace('/', "")));
        }
    }
}

#[test]
fn names_are_escaped_as_systemd_does() {
    for name in [
        "so narr",
        "%i",
        "$(reboot)",
        "a\nb",
        "ü",
        ".hidden",
        "a-b c",
        "a\\b",
        "a@b",
        "日本",
        "[x]",
        "~",
    ] {
        let output = std::process::Command::new("systemd-escape")
            .arg("--")
            .arg(name)
            .output()
            .unwrap();
        assert_eq!(
            escape(name),
            String::from_utf8(output.stdout).unwrap().trim_end(),
            "{name:?}"
        );
    }
}
