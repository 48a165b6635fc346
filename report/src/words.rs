//! Words for people: numbers of things, and lines that fit a terminal.

use std::io::{IsTerminal, Write, stderr};

use declaration::visible;

/// A terminal narrower than this is not wrapped for.
const NARROWEST: usize = 20;

/// How many there are, in words: `1 service`, `2 services`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Tells a person something, on standard error. On a terminal, it is wrapped between words.
pub fn tell(text: &str) {
    let text = visible(text);
    let width = stderr().is_terminal().then(terminal_width).flatten();
    let text = match width {
        Some(width) => wrapped(&text, width),
        None => text,
    };
    // Nobody is left to tell if standard error is closed.
    let _ = writeln!(stderr().lock(), "{text}");
}

/// How many columns the terminal at standard error has; `None` if it does not say.
fn terminal_width() -> Option<usize> {
    let (_, columns) = console::Term::stderr().size_checked()?;
    Some(usize::from(columns))
}

/// The text on lines of at most `width` columns, where its words allow that; all but the first are indented.
fn wrapped(text: &str, width: usize) -> String {
    const INDENT: &str = "    ";
    if width < NARROWEST {
        return text.to_owned();
    }
    let mut lines = String::with_capacity(text.len() + text.len() / 16);
    let mut column = 0;
    for (number, word) in text.split(' ').enumerate() {
        let wide = console::measure_text_width(word);
        if column > 0 && column + 1 + wide > width {
            lines.push('\n');
            lines.push_str(INDENT);
            column = INDENT.len();
        } else if number > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += wide;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn one_is_not_many() {
        assert_eq!(count(1, "service", "services"), "1 service");
        assert_eq!(count(0, "service", "services"), "0 services");
    }
}
