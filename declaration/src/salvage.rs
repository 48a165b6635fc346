//! What can be seen in a text that could not be parsed.

use crate::value::UnitName;

/// The unit names on the lines of `unit = …` in a text that could not be parsed.
///
/// If the name of the unit that must not start can be seen at all, it should not start.
pub(crate) fn named_units(text: &str) -> Vec<UnitName> {
    let mut units = Vec::new();
    let mut is_unit = false;
    for line in text.lines() {
        let line = line.trim_start();
        let value = match line.split_once('=') {
            Some((key, value)) => {
                is_unit = key.trim() == "unit" || key.trim() == "preseed.unit";
                value
            }
            None if line.starts_with('[') => {
                is_unit = false;
                continue;
            }
            None => line,
        };
        if is_unit {
            let words = value
                .split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '[' | ']'));
            units.extend(words.filter_map(|word| word.parse::<UnitName>().ok()));
        }
        // A few lines hold a few units: a longer list is something else.
        if units.len() >= 64 {
            break;
        }
    }
    units.dedup();
    units
}
