//! A table of a TOML file, read key by key.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::document::{At, Document, Given};
use crate::place::Place;
use crate::quote::{nearest, quoted};
use crate::value::Value;

/// A table of a [`Document`], from which keys are taken until only unknown ones are left.
pub(crate) struct Table<'a> {
    entries: DeTable<'a>,
    /// `[name]`; empty: the file's top level.
    header: Cow<'static, str>,
    /// The keys that were asked for.
    asked: Vec<&'static str>,
}

impl<'a> Table<'a> {
    pub(crate) fn new(entries: DeTable<'a>, header: Cow<'static, str>) -> Self {
        Self {
            entries,
            header,
            asked: Vec::with_capacity(8),
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'a>>> {
        self.asked.push(key);
        self.entries.remove(key)
    }

    /// The table `[key]`, with its place.
    pub(crate) fn table(
        &mut self,
        document: &mut Document<'a>,
        key: &'static str,
        header: &'static str,
    ) -> Given<Self> {
        let Some(value) = self.take(key) else {
            return Given::No;
        };
        match as_table(document, value, header) {
            Some((place, entries)) => Given::Value(At {
                value: Self::new(entries, Cow::Borrowed(header)),
                place,
            }),
            None => Given::Unreadable,
        }
    }

    /// The tables `[key.NAME]`, in the order of the file, each with its name and the offset of its header.
    pub(crate) fn tables(
        &mut self,
        document: &mut Document<'a>,
        key: &'static str,
        header: &'static str,
    ) -> Vec<(Cow<'a, str>, usize, Option<Self>)> {
        let Some((_, entries)) = self
            .take(key)
            .and_then(|value| as_table(document, value, header))
        else {
            return Vec::new();
        };
        let mut tables: Vec<_> = entries.into_iter().collect();
        tables.sort_by_key(|(name, _)| name.span().start);
        tables
            .into_iter()
            .map(|(name, value)| {
                let offset = name.span().start;
                let name = name.into_inner();
                let header = format!("[{key}.{}]", quoted(&name).trim_matches('`'));
                let table = match value.into_inner() {
                    DeValue::Table(entries) => Some(Self::new(entries, Cow::Owned(header))),
                    _ => None,
                };
                (name, offset, table)
            })
            .collect()
    }

    /// The value of `key`, a string.
    pub(crate) fn text<T: Value>(
        &mut self,
        document: &mut Document<'a>,
        key: &'static str,
    ) -> Given<T> {
        let Some(value) = self.take(key) else {
            return Given::No;
        };
        let start = value.span().start;
        match self.read::<T>(document, key, &value, T::EXAMPLE) {
            Some(value) => Given::Value(At {
                value,
                place: document.place(start),
            }),
            None => Given::Unreadable,
        }
    }

    /// The value of `key`, a list of strings. Valid ones among invalid ones are in the second value.
    pub(crate) fn list<T: Value>(
        &mut self,
        document: &mut Document<'a>,
        key: &'static str,
    ) -> (Given<Vec<At<T>>>, Vec<At<T>>) {
        let Some(value) = self.take(key) else {
            return (Given::No, Vec::new());
        };
        let start = value.span().start;
        let DeValue::Array(elements) = value.get_ref() else {
            let cure = format!("write a list, e.g. {key} = [{}]", T::EXAMPLE);
            document.note(start, self.wrong_type(key, &value), cure);
            return (Given::Unreadable, Vec::new());
        };
        let place = document.place(start);
        self.elements(document, key, elements, place)
    }

    /// The value of `key`, a string or a list of strings, as [`Table::list`].
    pub(crate) fn one_or_more<T: Value>(
        &mut self,
        document: &mut Document<'a>,
        key: &'static str,
    ) -> (Given<Vec<At<T>>>, Vec<At<T>>) {
        let Some(value) = self.take(key) else {
            return (Given::No, Vec::new());
        };
        let start = value.span().start;
        if let DeValue::Array(elements) = value.get_ref() {
            let place = document.place(start);
            return self.elements(document, key, elements, place);
        }
        match self.read::<T>(document, key, &value, T::EXAMPLE) {
            Some(value) => {
                let place = document.place(start);
                let values = vec![At { value, place }];
                (
                    Given::Value(At {
                        value: values,
                        place,
                    }),
                    Vec::new(),
                )
            }
            None => (Given::Unreadable, Vec::new()),
        }
    }

    fn elements<T: Value>(
        &self,
        document: &mut Document<'a>,
        key: &'static str,
        elements: &[Spanned<DeValue<'a>>],
        place: Place,
    ) -> (Given<Vec<At<T>>>, Vec<At<T>>) {
        let example = format!("[{}]", T::EXAMPLE);
        let mut values = Vec::with_capacity(elements.len());
        for element in elements {
            if let Some(value) = self.read::<T>(document, key, element, &example) {
                let place = document.place(element.span().start);
                values.push(At { value, place });
            }
        }
        if values.len() < elements.len() {
            (Given::Unreadable, values)
        } else {
            (
                Given::Value(At {
                    value: values,
                    place,
                }),
                Vec::new(),
            )
        }
    }

    fn read<T: Value>(
        &self,
        document: &mut Document<'a>,
        key: &str,
        value: &Spanned<DeValue<'a>>,
        example: &str,
    ) -> Option<T> {
        let result = match value.get_ref() {
            DeValue::String(text) => Some(text.parse()),
            DeValue::Integer(number) if number.radix() == 10 => T::from_integer(number.as_str()),
            _ => None,
        };
        match result {
            Some(Ok(value)) => Some(value),
            Some(Err(invalid)) => {
                document.note(value.span().start, invalid.what, invalid.cure);
                None
            }
            None => {
                let cure = format!(
                    "write {}, e.g. {key} = {example}",
                    if example.starts_with('[') {
                        "strings"
                    } else {
                        "a string"
                    }
                );
                document.note(value.span().start, self.wrong_type(key, value), cure);
                None
            }
        }
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'a>>) -> String {
        let kind = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let space = if self.header.is_empty() { "" } else { " in " };
        format!("`{key}`{space}{} is {kind}", self.header)
    }

    /// Takes note of every key that was not asked for. `elsewhere`: which keys other tables have.
    pub(crate) fn finish(
        self,
        document: &mut Document<'a>,
        elsewhere: &[(&'static str, &[&'static str])],
    ) {
        for (key, value) in &self.entries {
            let name: &str = key.get_ref();
            let is_table = matches!(value.get_ref(), DeValue::Table(_));
            let shown = if is_table && self.header.is_empty() {
                format!("unknown table `[{}]`", quoted(name).trim_matches('`'))
            } else {
                let space = if self.header.is_empty() { "" } else { " in " };
                format!("unknown key {}{space}{}", quoted(name), self.header)
            };
            let home = elsewhere
                .iter()
                .find(|(header, keys)| *header != self.header && keys.contains(&name));
            let cure = if let Some(meant) = nearest(name, self.asked.iter().copied()) {
                if is_table {
                    format!("did you mean `[{meant}]`?")
                } else {
                    format!("did you mean `{meant}`?")
                }
            } else if let Some((header, _)) = home {
                match *header {
                    "" => "it belongs at the top of the file".to_owned(),
                    header => format!("it belongs in {header}"),
                }
            } else {
                format!("remove it; known are {}", self.asked.join(", "))
            };
            document.note(key.span().start, shown, cure);
        }
    }
}

fn as_table<'a>(
    document: &mut Document<'a>,
    value: Spanned<DeValue<'a>>,
    header: &str,
) -> Option<(Place, DeTable<'a>)> {
    let start = value.span().start;
    match value.into_inner() {
        DeValue::Table(entries) => Some((document.place(start), entries)),
        DeValue::Array(_) => {
            document.note(
                start,
                format!("{header} is a list"),
                format!("write {header} once, in single brackets"),
            );
            None
        }
        _ => {
            let key = header.trim_matches(['[', ']']);
            document.note(
                start,
                format!("`{key}` is not a table"),
                format!("write {header} on a line of its own"),
            );
            None
        }
    }
}
