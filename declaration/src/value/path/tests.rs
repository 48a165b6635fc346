#![allow(clippy::too_many_lines, reason = "tables of cases")]

use super::super::check::{refuses, takes};
use super::*;

#[test]
fn mountpoints() {
    let long = format!("/{}", "x/".repeat(2047).trim_end_matches('/'));
    takes::<Mountpoint>(&[
        "/home",
        "/srv/x",
        "/var/lib/sonarr",
        "/srv/a b",
        "/srv/f\u{fc}r",
        "/srv/\"x\"",
        "/srv/100%",
        "/srv/a\\b",
        "/.../x",
        "/run/x",
        &long,
    ]);
    let long_name = format!("/srv/{}", "x".repeat(256));
    let too_long = format!("/{}", "x/".repeat(2048).trim_end_matches('/'));
    refuses::<Mountpoint>(&[
        ("", "path is empty: write it in full, from `/` on"),
        (
            "srv/x",
            "path `srv/x` is not absolute: write it in full, from `/` on",
        ),
        (
            "/srv/x/",
            "path `/srv/x/` ends with `/`: remove the last `/`",
        ),
        ("/srv//x", "path `/srv//x` holds `//`: remove one `/`"),
        ("//srv", "path `//srv` holds `//`: remove one `/`"),
        (
            "/srv/../etc",
            "path `/srv/../etc` holds the component `..`: write it without",
        ),
        (
            "/srv/./x",
            "path `/srv/./x` holds the component `.`: write it without",
        ),
        (
            "/srv/a\nb",
            r"path `/srv/a\nb` holds a control character: rename it: no tool shows such a path as it is",
        ),
        (
            "/srv/a\0b",
            r"path `/srv/a\u{0}b` holds a control character: rename it: no tool shows such a path as it is",
        ),
        (
            "/",
            "mountpoint `/` is the machine's own: choose a directory for this service alone, e.g. /var/lib/NAME",
        ),
        (
            "/usr",
            "mountpoint `/usr` is the machine's own: choose a directory for this service alone, e.g. /var/lib/NAME",
        ),
        (
            "/var/lib",
            "mountpoint `/var/lib` is the machine's own: choose a directory for this service alone, e.g. /var/lib/NAME",
        ),
        (
            "/proc/self",
            "mountpoint `/proc/self` is the machine's own: choose a directory for this service alone, e.g. /var/lib/NAME",
        ),
        (
            "/etc/preseed/services",
            "mountpoint `/etc/preseed/services` is the machine's own: choose a directory for this service alone, e.g. /var/lib/NAME",
        ),
        (
            &long_name,
            &format!(
                "path `{}…` holds a name of 256 bytes: the kernel allows 255: choose a shorter one",
                &long_name[..80]
            ),
        ),
        (
            &too_long,
            &format!(
                "path `{}…` is 4096 bytes long: the kernel allows 4095: choose a shorter one",
                &too_long[..80]
            ),
        ),
    ]);
    takes::<Mountpoint>(&["/usrx", "/procx", "/etc/preseedx"]);
    takes::<AbsolutePath>(&["/", "/usr", "/etc/preseed/secrets/x"]);
}

#[test]
fn secret_files() {
    takes::<ScriptFile>(&["/usr/local/lib/app/freeze.sh", "/opt/a+b@1/x-y_z"]);
    refuses::<ScriptFile>(&[
        (
            "freeze",
            "path `freeze` is not absolute: write it in full, from `/` on",
        ),
        (
            "/x;y",
            "path `/x;y` of a script holds `;`: a shell would read it: name a program without arguments, by ASCII letters, digits and `/._+@-`",
        ),
    ]);
    takes::<SecretFile>(&["/etc/preseed/secrets/x", "/s/a\"b'%i$x;#\u{e9}"]);
    refuses::<SecretFile>(&[
        (
            "/s/a b",
            "path `/s/a b` of a secret holds ` `: systemd cannot load it as a credential: rename it, or name a link to it",
        ),
        (
            "/s/a\\b",
            "path `/s/a\\b` of a secret holds `\\`: systemd cannot load it as a credential: rename it, or name a link to it",
        ),
        (
            "secrets/x",
            "path `secrets/x` is not absolute: write it in full, from `/` on",
        ),
    ]);
}

#[test]
fn no_characters() {
    takes::<AbsolutePath>(&["/srv/\u{fdcf}\u{fdf0}\u{fffd}\u{10fffd}"]);
    for (character, name) in [
        ('\u{fdd0}', "U+FDD0"),
        ('\u{fffe}', "U+FFFE"),
        ('\u{10ffff}', "U+10FFFF"),
    ] {
        let path = format!("/srv/{character}");
        let expected = format!(
            "path {} holds {name}, which is no character: rename it: systemd ignores what it is in",
            quoted(&path)
        );
        refuses::<Mountpoint>(&[(&path, &expected)]);
    }
}

#[test]
fn relative_paths() {
    takes::<RelativePath>(&["sonarr.db", "a/b", ".x", "f\u{fc}r"]);
    refuses::<RelativePath>(&[
        ("", "path is empty: name a file, relative to the mountpoint"),
        (
            "/a",
            "path `/a` is absolute: write it relative to the mountpoint",
        ),
        (
            "../a",
            "path `../a` holds the component `..`: write it without",
        ),
        ("a/", "path `a/` ends with `/`: remove the last `/`"),
        (".", "path `.` holds the component `.`: write it without"),
    ]);
}
