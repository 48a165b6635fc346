//! Words of a declaration, as they are shown to its author.

use std::fmt::Write as _;

/// The longest word that is shown in full, in characters.
const LONGEST: usize = 80;

/// `word` in backticks, on one line: what a terminal would interpret is escaped, what is long is cut.
pub(crate) fn quoted(word: &str) -> String {
    let mut shown = String::with_capacity(word.len().min(LONGEST) + 2);
    shown.push('`');
    for (count, character) in word.chars().enumerate() {
        if count == LONGEST {
            shown.push('…');
            break;
        }
        push_visible(&mut shown, character);
    }
    shown.push('`');
    shown
}

/// The same text without what a terminal or a reader of lines would interpret: control characters, line breaks and the
/// marks that reverse the direction of text are escaped. For words of others, in messages.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        push_visible(&mut shown, character);
    }
    shown
}

/// Appends `character`, escaped if it would end the line or change how the line is displayed.
pub(crate) fn push_visible(shown: &mut String, character: char) {
    if is_invisible(character) {
        // Writing to a string cannot fail.
        let _ = write!(shown, "{}", character.escape_default());
    } else {
        shown.push(character);
    }
}

/// Control characters, line separators, and the marks that reverse the direction of text.
pub(crate) fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

/// The candidate that `word` is probably a misspelling of, if there is one.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A long word is no misspelling of a key or a name, and comparing is quadratic.
    if word.len() > 64 {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let limit = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| {
            let distance = strsim::osa_distance(&word, &candidate.to_ascii_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_on_one_line() {
        assert_eq!(quoted("a b"), "`a b`");
        assert_eq!(quoted("a\nb\u{202e}"), r"`a\nb\u{202e}`");
        assert_eq!(quoted("für"), "`für`");
        assert_eq!(quoted(&"x".repeat(81)), format!("`{}…`", "x".repeat(80)));
    }

    #[test]
    fn finds_what_was_meant() {
        let keys = ["recordsize", "compression", "mode", "name", "mountpoint"];
        assert_eq!(nearest("recordsiz", keys), Some("recordsize"));
        assert_eq!(nearest("Mode", keys), Some("mode"));
        assert_eq!(nearest("mount-point", keys), Some("mountpoint"));
        assert_eq!(nearest("quota", keys), None);
        assert_eq!(nearest(&"m".repeat(10_000), keys), None);
        assert_eq!(nearest("", ["a"]), None);
    }
}
