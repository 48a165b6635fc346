//! Any text, in any place of a unit, is read back as that text.
#![allow(clippy::unwrap_used, clippy::panic)]

mod reader;

use std::path::Path;

use generator::unit::{Section, Unit, Value};
use generator::unit_name::{Names, escape};
use proptest::prelude::*;
use reader::{argument, directives, expected_path, specifiers, words};

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

        let mut command: Vec<_> = words(value("ExecStart"), true).iter().map(|word| argument(word)).collect();
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
