//! A value that is one of two words.

use super::invalid::Invalid;
use crate::quote::{nearest, quoted};

/// The value that `text` names in `words`.
pub(crate) fn one_of<T: Copy>(noun: &str, text: &str, words: [(&str, T); 2]) -> Result<T, Invalid> {
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let help = match nearest(text, words.map(|(word, _)| word)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("take `{}` or `{}`", words[0].0, words[1].0),
    };
    Err(Invalid::new(
        format!("there is no {noun} {}", quoted(text)),
        help,
    ))
}

/// The word in `words` that names `value`.
pub(crate) fn word_of<T: PartialEq>(value: &T, words: &[(&'static str, T)]) -> &'static str {
    let mut words = words.iter();
    let found = words.find(|(_, named)| named == value);
    found.map_or("", |(word, _)| word)
}
