//! What a pattern of a backup takes: whether it separates a database from what belongs to it.

use std::collections::HashSet;
use std::str::Chars;

/// What SQLite puts beside a database `X`: `X-wal` holds its newest rows, `X-journal` what undoes a half-written change.
/// Without it, the file alone is older than what was stored, or damaged.
const BESIDE_A_DATABASE: [&str; 2] = ["-wal", "-journal"];

/// The longest name of a file, in bytes (`NAME_MAX`).
const LONGEST_NAME: usize = 255;

/// How many different beginnings of names are looked at; patterns that people write need a few dozen.
const MOST_BEGINNINGS: usize = 300;

/// The suffix of a file beside a database that `pattern` leaves out without the database itself.
pub(super) fn separated(pattern: &str) -> Option<&'static str> {
    // `!` takes back what others leave out.
    if pattern.starts_with('!') {
        return None;
    }
    let last = pattern.trim_end_matches('/').rsplit('/').next()?;
    let parts = parts(last);
    let shortest = parts.iter().filter(|part| **part != Part::Any).count();
    if shortest > LONGEST_NAME {
        return None;
    }
    BESIDE_A_DATABASE
        .into_iter()
        .find(|suffix| takes_only_with(&parts, suffix))
}

/// A part of a pattern for one name, as restic's matching (Go's `filepath.Match`) takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// `*`: any characters, or none.
    Any,
    /// `?`, and a class `[…]`, of which it is enough to know that it takes one character or another.
    One,
    Literal(char),
}

fn parts(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        parts.push(match character {
            '*' => Part::Any,
            '?' => Part::One,
            '[' => class(&mut characters),
            '\\' => Part::Literal(characters.next().unwrap_or('\\')),
            other => Part::Literal(other),
        });
    }
    parts.dedup_by(|next, part| *next == Part::Any && *part == Part::Any);
    parts
}

/// A class, after its `[`. One that holds a single character is that.
fn class(characters: &mut Chars<'_>) -> Part {
    let mut within = String::new();
    for character in characters.by_ref() {
        if character == ']' && !within.is_empty() {
            break;
        }
        within.push(character);
    }
    let mut members = within.chars();
    match (members.next(), members.next()) {
        (Some(only), None) => Part::Literal(only),
        _ => Part::One,
    }
}

/// Whether there is a name of a database that the pattern does not take, and takes with this suffix. A name without a
/// `.` counts only if the pattern itself ends in the suffix: `temp-*` means no database.
fn takes_only_with(parts: &[Part], suffix: &str) -> bool {
    // What distinguishes names is only which characters of the pattern they hold: any other stands for all others.
    let literal: Vec<Part> = suffix.chars().map(Part::Literal).collect();
    let names_suffix = parts.ends_with(&literal);
    let mut alphabet: Vec<char> = vec!['\u{1}', '.'];
    alphabet.extend(suffix.chars());
    alphabet.extend(parts.iter().filter_map(|part| match part {
        Part::Literal(literal) => Some(*literal),
        Part::Any | Part::One => None,
    }));
    alphabet.sort_unstable();
    alphabet.dedup();

    let mut seen = HashSet::new();
    let mut left = vec![(reach(parts, &[0]), names_suffix)];
    while let Some((places, is_database)) = left.pop() {
        for character in &alphabet {
            let next = step(parts, &places, *character);
            let with = suffix.chars().fold(next.clone(), |places, character| {
                step(parts, &places, character)
            });
            let is_database = is_database || *character == '.';
            if is_database && with.contains(&parts.len()) && !next.contains(&parts.len()) {
                return true;
            }
            let beginning = (next, is_database);
            if !beginning.0.is_empty()
                && seen.len() < MOST_BEGINNINGS
                && seen.insert(beginning.clone())
            {
                left.push(beginning);
            }
        }
    }
    false
}

/// Where in the pattern one may be after a further character. Sorted.
fn step(parts: &[Part], places: &[usize], character: char) -> Vec<usize> {
    let after = places.iter().filter_map(|place| match parts.get(*place)? {
        Part::Any => Some(*place),
        Part::One => Some(place + 1),
        Part::Literal(literal) => (*literal == character).then_some(place + 1),
    });
    reach(parts, &after.collect::<Vec<_>>())
}

/// The same places, and those behind a `*` that takes nothing.
fn reach(parts: &[Part], places: &[usize]) -> Vec<usize> {
    let mut all = Vec::with_capacity(places.len());
    for place in places {
        let mut place = *place;
        all.push(place);
        while parts.get(place) == Some(&Part::Any) {
            place += 1;
            all.push(place);
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_and_what_is_beside_it_are_left_out_together_or_not_at_all() {
        for pattern in [
            "*-wal",
            "*.db-wal",
            "/sonarr.db-wal",
            "data/*-wal*",
            "*.db-*",
            "*.db-w??",
            "*.db[-]wal",
            "*.sqlite?wal",
            "*wal",
            "*l",
            "*-journal",
            "logs.db-*",
            "*\\-wal",
            "x-wal/",
            "*-*",
        ] {
            assert!(separated(pattern).is_some(), "{pattern}");
        }
        for pattern in [
            "*",
            "**",
            "logs.db*",
            "*.db*",
            "*-shm",
            "/cache",
            "*.tmp",
            "!*-wal",
            "**/x",
            "[ab]*",
            "temp-*.rdb",
            "querylog.json*",
            "*.log",
            "a*b*c*d*e*",
        ] {
            assert_eq!(separated(pattern), None, "{pattern}");
        }
    }

    /// However many stars, the answer is there at once.
    #[test]
    fn no_pattern_takes_long() {
        let since = std::time::Instant::now();
        for times in [120, 100_000] {
            separated(&"*a?".repeat(times));
            separated(&"**".repeat(times));
        }
        assert!(since.elapsed().as_secs() < 60, "{:?}", since.elapsed());
    }
}
