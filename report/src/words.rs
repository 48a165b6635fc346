//! Words for people: numbers of things, and lines that fit a terminal.

use std::io::{IsTerminal, Write, stderr, stdout};

use console::Term;
use declaration::visible;

/// A terminal narrower than this is not wrapped for.
const NARROWEST: usize = 20;

/// How many there are, in words: `1 service`, `2 services`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A word as it is typed in a shell: ZFS allows spaces in names, and anything in tags.
pub fn typed(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/:._-@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// How wide what is printed for a person may be: as the terminal, or else as most are.
pub fn columns() -> usize {
    const USUAL: usize = 80;
    let size = stdout()
        .is_terminal()
        .then(|| Term::stdout().size_checked());
    size.flatten()
        .map_or(USUAL, |(_, columns)| usize::from(columns))
}

/// Tells a person something, on standard error. On a terminal, it is wrapped between words.
pub fn tell(text: &str) {
    let text = for_terminal(&visible(text), &Term::stderr(), &stderr());
    // Nobody is left to tell if standard error is closed.
    let _ = writeln!(stderr().lock(), "{text}");
}

/// Prints lines for a person, on standard output. On a terminal, each is wrapped between words.
pub fn say(lines: &str) {
    let mut text = String::with_capacity(lines.len());
    for line in lines.lines() {
        text.push_str(&for_terminal(&visible(line), &Term::stdout(), &stdout()));
        text.push('\n');
    }
    // `preseedctl kept | head` is no error: nothing is lost but the words.
    let _ = stdout().lock().write_all(text.as_bytes());
}

/// One line as it is to be written on `stream`, which `terminal` measures.
fn for_terminal(line: &str, terminal: &Term, stream: &impl IsTerminal) -> String {
    let size = stream.is_terminal().then(|| terminal.size_checked());
    match size.flatten() {
        Some((_, columns)) => wrapped(line, usize::from(columns)),
        None => line.to_owned(),
    }
}

/// A line on lines of at most `width` columns, where its words allow that; all but the first are indented.
fn wrapped(line: &str, width: usize) -> String {
    if width < NARROWEST {
        return line.to_owned();
    }
    let indent = indent(line).min(width / 2);
    let mut lines = String::with_capacity(line.len() + line.len() / 16);
    let mut column = 0;
    for (number, word) in line.split(' ').enumerate() {
        let wide = console::measure_text_width(word);
        if column > indent && column + 1 + wide > width {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            column = indent;
        } else if number > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += wide;
    }
    lines
}

/// How far the lines that follow a wrapped one are indented: below what a label is of, as `  outcome   would …`, else a
/// bit more than the line itself.
fn indent(line: &str) -> usize {
    const MORE: usize = 4;
    let text = line.trim_start_matches(' ');
    let own = line.len() - text.len();
    let label = text.find("  ").filter(|end| !text[..*end].contains(' '));
    match label {
        Some(end) if own > 0 => {
            let value = text[end..].trim_start_matches(' ');
            line.len() - value.len()
        }
        _ => own + MORE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_typed_so_that_a_shell_takes_it_for_one() {
        for (word, expected) in [
            ("tank/a:preseed-kept-1@x", "tank/a:preseed-kept-1@x"),
            ("tank/my app", "'tank/my app'"),
            ("it's", "'it'\\''s'"),
            ("$(reboot)", "'$(reboot)'"),
            ("", "''"),
        ] {
            assert_eq!(typed(word), expected);
        }
    }

    #[test]
    fn a_line_is_wrapped_between_words() {
        assert_eq!(wrapped("one two", 80), "one two");
        assert_eq!(wrapped("  as it is", 80), "  as it is");
        let text = "/etc/preseed/services/sonarr.toml:1:1: there is no such thing as `ä`";
        let wanted = "\
/etc/preseed/services/sonarr.toml:1:1:
    there is no such thing as `ä`";
        assert_eq!(wrapped(text, 40), wanted);
        assert!(
            wrapped(&"word ".repeat(100), 30)
                .lines()
                .all(|line| line.len() <= 30)
        );
    }

    #[test]
    fn what_follows_a_label_stays_below_it() {
        assert_eq!(
            wrapped("  outcome   one two three four", 26),
            "  outcome   one two three\n            four"
        );
        assert_eq!(wrapped("  one two three four", 20), "  one two three four");
        assert_eq!(
            wrapped("  one two three fourth", 20),
            "  one two three\n      fourth"
        );
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(count(1, "service", "services"), "1 service");
        assert_eq!(count(0, "service", "services"), "0 services");
    }
}
