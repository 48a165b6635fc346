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
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_units() {
        let cases: [(&str, &[&str]); 7] = [
            ("unit = \"a.service\"", &["a.service"]),
            (
                "unit = [\n  \"a.service\" 'b.timer',\n]\ntiers = [\"c.service\"]",
                &["a.service", "b.timer"],
            ),
            ("  unit=a.service", &["a.service"]),
            ("preseed.unit = \"a.service", &["a.service"]),
            ("# unit = \"a.service\"", &[]),
            ("units = \"a.service\"\n[unit]\nb.service", &[]),
            ("unit = \"../a.service\"", &[]),
        ];
        for (text, units) in cases {
            let seen = named_units(text);
            let seen: Vec<_> = seen.iter().map(UnitName::as_str).collect();
            assert_eq!(seen, units, "{text}");
        }
    }
}
