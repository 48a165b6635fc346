//! How a value is written so that systemd reads the same value back.
//!
//! systemd.syntax(7) has one grammar per kind of directive, not one for all. What they share: a line
//! ends at a newline, a carriage return or a NUL; white space around a value is dropped; a backslash
//! at the end of a line continues it; a line that is not UTF-8, or holds one of Unicode's
//! noncharacters, is ignored as a whole; `%` starts a specifier (systemd.unit(5)).
//!
//! Where a grammar has no way to write a character, its escape is written instead, as plain text.
//! The path then names nothing, so that an assertion on it fails and nothing is started:
//! a value is never cut, and never runs into the next line.

use std::fmt::Write as _;
use std::path::Path;

/// The longest description: `systemctl` prints it on one line.
const TEXT_LIMIT: usize = 512;

/// Appends text for people to read (`Description=`): one line, at most 512 bytes and an ellipsis.
pub fn text(value: &str, out: &mut String) {
    let start = out.len();
    let value = value.trim();
    let is_itself = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'%' && byte != b'\\';
    if value.len() <= TEXT_LIMIT && value.bytes().all(is_itself) {
        out.push_str(value);
        return;
    }
    for c in value.chars() {
        if out.len() - start > TEXT_LIMIT {
            out.push('…');
            break;
        }
        push(c, out);
    }
    if out.ends_with('\\') {
        out.push('.');
    }
}

/// Appends a path that is a whole value (`SourcePath=`, `AssertPathIsMountPoint=`, `LoadCredential=`).
///
/// A slash, which systemd drops, keeps what it ends in away from the line's end.
pub fn path(value: &str, out: &mut String) {
    if is_plain(value) {
        out.push_str(value);
    } else {
        value.chars().for_each(|c| push(c, out));
    }
    if out.ends_with(['\\', ' ']) {
        out.push('/');
    }
}

/// Whether a path can be written such that systemd reads the same path.
#[must_use]
pub fn is_exact(path: &Path) -> bool {
    path.to_str()
        .is_some_and(|path| is_plain(path) || path.chars().all(is_writable))
}

/// Appends a path as one quoted word (`RequiresMountsFor=`).
///
/// A backslash in this grammar stands for the character after it, whatever that is.
pub fn quoted_path(value: &str, out: &mut String) {
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if is_writable(c) => push(c, out),
            c => {
                let mut name = String::new();
                push(c, &mut name);
                out.push_str(&name.replace('\\', "\\\\"));
            }
        }
    }
    out.push('"');
}

/// Appends one argument of a command line (`ExecStart=`, systemd.service(5)).
pub fn argument(value: &str, out: &mut String) {
    if is_plain(value) && !value.is_empty() && !value.contains(' ') {
        out.push_str(value);
        return;
    }
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '$' => out.push_str("$$"),
            c if is_writable(c) => push(c, out),
            c => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(out, "\\x{byte:02x}");
                }
            }
        }
    }
    out.push('"');
}

/// Whether every character but a space stands for itself in every grammar, as in most values.
fn is_plain(value: &str) -> bool {
    value
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b" -_./:".contains(&byte))
}

/// Appends a character that means itself in every grammar, or its escape as plain text.
fn push(c: char, out: &mut String) {
    if c == '%' {
        out.push_str("%%");
    } else if is_writable(c) {
        out.push(c);
    } else if c.is_ascii() {
        let _ = write!(out, "{}", c.escape_default());
    } else {
        let _ = write!(out, "{}", c.escape_unicode());
    }
}

/// Whether systemd takes the character in a unit file, and a terminal prints it.
fn is_writable(c: char) -> bool {
    let code = u32::from(c);
    let noncharacter = (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE;
    !c.is_control() && !noncharacter
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(rule: fn(&str, &mut String), value: &str) -> String {
        let mut out = String::new();
        rule(value, &mut out);
        out
    }

    #[test]
    fn text_stays_on_its_line() {
        assert_eq!(
            written(text, "a 100 % \"sure\" $HOME"),
            "a 100 %% \"sure\" $HOME"
        );
        assert_eq!(written(text, "two\nlines\r\0"), "two\\nlines\\r\\u{0}");
        assert_eq!(written(text, "ends in \\"), "ends in \\.");
        assert_eq!(
            written(text, "bell\u{7}, \u{fffe}"),
            "bell\\u{7}, \\u{fffe}"
        );
    }

    #[test]
    fn text_is_cut_between_characters() {
        let long = written(text, &"ü".repeat(1000));
        assert!(long.len() < TEXT_LIMIT + 8, "{} bytes", long.len());
        assert!(long.ends_with("ü…"), "{long}");
    }

    #[test]
    fn paths_keep_what_systemd_would_strip() {
        assert_eq!(written(path, "/srv/a b$c%d"), "/srv/a b$c%%d");
        assert_eq!(written(path, "/srv/a "), "/srv/a /");
        assert_eq!(written(path, "/srv/a\\"), "/srv/a\\/");
        assert_eq!(written(path, "/srv/\n[Service]"), "/srv/\\n[Service]");
    }

    #[test]
    fn quoted_paths_are_one_word() {
        assert_eq!(
            written(quoted_path, "/srv/a \"b\"\\c%"),
            r#""/srv/a \"b\"\\c%%""#
        );
        assert_eq!(written(quoted_path, "/srv/\n"), r#""/srv/\\n""#);
    }

    #[test]
    fn arguments_are_neither_split_nor_expanded() {
        assert_eq!(written(argument, "sonarr-4.0_x"), "sonarr-4.0_x");
        assert_eq!(written(argument, "so narr"), "\"so narr\"");
        assert_eq!(written(argument, "$(reboot)"), "\"$$(reboot)\"");
        assert_eq!(written(argument, "%i"), "\"%%i\"");
        assert_eq!(written(argument, ";"), "\";\"");
        assert_eq!(written(argument, ""), "\"\"");
        assert_eq!(written(argument, "a\nb\u{85}"), "\"a\\x0ab\\xc2\\x85\"");
    }
}
