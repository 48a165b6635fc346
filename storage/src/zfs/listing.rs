//! Reads what `zfs get` prints of several datasets, so that no value is taken for another line.
//!
//! A value may hold tabs and line breaks: whoever may set a user property or a mountpoint writes into the listing. ZFS
//! prints the properties of each dataset in the order in which they were asked, so a listing in which each dataset has
//! exactly those lines, once, and of which the last cannot be written by anybody, has no line that a value made: what
//! follows such a line is left over, and would be that dataset a second time.

use std::collections::BTreeMap;

/// A property's value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    /// The value; bytes that are not UTF-8 are replaced.
    pub(crate) value: String,
    /// `local`, `inherited from …`, ….
    pub(crate) source: String,
}

/// The properties of each dataset of a listing, by name.
pub(crate) type Datasets = BTreeMap<String, BTreeMap<String, Value>>;

/// Reads the output of `zfs get -H -p -o name,property,source,value`, for which exactly these properties were asked in
/// this order. The last must be one that nobody can set. `None`: a value holds a line break, so that its lines cannot
/// be told from others.
#[must_use]
pub(crate) fn read(listing: &str, asked: &[&str]) -> Option<Datasets> {
    let mut datasets = Datasets::new();
    let lines: Vec<&str> = listing.split_terminator('\n').collect();
    for chunk in lines.chunks(asked.len().max(1)) {
        if chunk.len() != asked.len() {
            return None;
        }
        let mut name = None;
        let mut values = BTreeMap::new();
        for (line, asked) in chunk.iter().zip(asked) {
            let mut columns = line.splitn(4, '\t');
            let (dataset, property) = (columns.next()?, columns.next()?);
            let (source, value) = (columns.next()?, columns.next()?);
            if property != *asked || *name.get_or_insert(dataset) != dataset {
                return None;
            }
            let (value, source) = (value.to_owned(), source.to_owned());
            values.insert(property.to_owned(), Value { value, source });
        }
        if datasets.insert(name?.to_owned(), values).is_some() {
            return None;
        }
    }
    Some(datasets)
}

/// The values of a listing of one dataset by `zfs get -H -p -o value`, for which these properties were asked; `None`
/// if one holds a line break: each has at least a line.
#[must_use]
pub(crate) fn values<'a>(listing: &'a [u8], properties: &[&str]) -> Option<Vec<&'a [u8]>> {
    let listing = listing.strip_suffix(b"\n").unwrap_or(listing);
    let values: Vec<&[u8]> = listing.split(|byte| *byte == b'\n').collect();
    (values.len() == properties.len()).then_some(values)
}

/// The one value that `zfs get -H -p -o value` prints of one property of one dataset, exactly.
#[must_use]
pub(crate) fn only_value(listing: &[u8]) -> &[u8] {
    listing.strip_suffix(b"\n").unwrap_or(listing)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const ASKED: [&str; 4] = ["type", "mountpoint", "preseed:state", "guid"];

    fn printed(datasets: &[(&str, [&str; 4])]) -> String {
        let mut text = String::new();
        for (name, values) in datasets {
            for (property, value) in ASKED.iter().zip(values) {
                text.push_str(&[*name, *property, "local", *value].join("\t"));
                text.push('\n');
            }
        }
        text
    }

    #[test]
    fn what_is_printed_is_read() {
        let listing = printed(&[
            ("tank/a", ["filesystem", "/srv/a\tb", "-", "1"]),
            ("tank/b", ["volume", "-", "x y", "2"]),
        ]);
        let read = read(&listing, &ASKED).unwrap();
        assert_eq!(read["tank/a"]["mountpoint"].value, "/srv/a\tb");
        assert_eq!(read["tank/b"]["guid"].value, "2");
        assert_eq!(super::read("", &ASKED), Some(Datasets::new()));
    }

    #[test]
    fn a_value_that_looks_like_lines_is_not_read_as_such() {
        for value in [
            "x\ntank/a\tguid\tlocal\t666",
            "x\ntank/a\tguid\tlocal\t666\ntank/b\ttype\tlocal\tfilesystem\ntank/b\tmountpoint\tlocal\t/\n\
             tank/b\tpreseed:state\tlocal\tseeded",
            "x\ntank/a\tguid\tlocal\t666\ntank/a\ttype\tlocal\tfilesystem\ntank/a\tmountpoint\tlocal\t/\n\
             tank/a\tpreseed:state\tlocal\tseeded",
        ] {
            let listing = printed(&[("tank/a", ["filesystem", "/srv", value, "1"])]);
            assert_eq!(read(&listing, &ASKED), None, "{listing}");
        }
    }

    proptest! {
        /// Whatever the values that somebody can set are: they are read as they are, or not at all.
        #[test]
        fn no_value_is_taken_for_another_line(
            lines in proptest::collection::vec(
                proptest::sample::select(vec![
                    "tank/a\ttype\tlocal\tx", "tank/a\tmountpoint\tlocal\tx", "tank/a\tpreseed:state\tlocal\tx",
                    "tank/a\tguid\tlocal\t6", "tank/b\ttype\tlocal\tx", "tank/b\tmountpoint\tlocal\tx",
                    "tank/b\tpreseed:state\tlocal\tx", "tank/b\tguid\tlocal\t6", "x", "",
                ]),
                0..12,
            ),
            other in "[ -~\t\n]{0,20}",
            both in any::<bool>(),
        ) {
            let hostile = lines.join("\n");
            let mut datasets = vec![("tank/a", ["filesystem", other.as_str(), hostile.as_str(), "1"])];
            if both {
                datasets.push(("tank/b", ["filesystem", "/b", other.as_str(), "2"]));
            }
            if let Some(read) = read(&printed(&datasets), &ASKED) {
                prop_assert_eq!(read.len(), datasets.len());
                for (name, values) in &datasets {
                    for (property, value) in ASKED.iter().zip(values) {
                        prop_assert_eq!(&read[*name][*property].value, value);
                    }
                }
            }
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in any::<String>(), bytes in any::<Vec<u8>>()) {
            let _ = read(&text, &ASKED);
            let _ = values(&bytes, &ASKED);
            prop_assert!(bytes.starts_with(only_value(&bytes)));
        }
    }
}
