//! A table of a TOML file, read key by key.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::document::Document;
use crate::given::{At, Given};
use crate::quote::{nearest, quoted};
use crate::value::Value;

/// The keys that a table may hold.
#[derive(Debug)]
pub(crate) struct Keys {
    /// `[name]`; empty: the file's top level.
    pub(crate) header: &'static str,
    pub(crate) names: &'static [&'static str],
    /// Keys that somebody may look for here, and what to do instead.
    pub(crate) instead: &'static [(&'static str, &'static str)],
}

/// A table of a [`Document`].
#[derive(Clone, Copy)]
pub(crate) struct Table<'t> {
    entries: &'t DeTable<'t>,
    keys: &'static Keys,
    /// Of which keys it shows the values.
    shows: fn(&str) -> bool,
}

/// A named table `[kind.NAME]`.
pub(crate) struct Named<'t> {
    pub(crate) name: &'t str,
    /// The byte offset of its name.
    pub(crate) offset: usize,
    /// `None`: it is no table.
    pub(crate) table: Option<Table<'t>>,
}

impl<'t> Table<'t> {
    pub(crate) fn new(entries: &'t DeTable<'t>, keys: &'static Keys) -> Self {
        Self {
            entries,
            keys,
            shows: |_| true,
        }
    }

    /// The same table, as if it held only the keys that `shows` lets through.
    pub(crate) fn only(self, shows: fn(&str) -> bool) -> Self {
        Self { shows, ..self }
    }

    fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.entries.get(key).filter(|_| (self.shows)(key))
    }

    /// The table `[key]`, with its location.
    pub(crate) fn table(
        &self,
        document: &mut Document<'_>,
        key: &str,
        keys: &'static Keys,
    ) -> Given<Self> {
        let Some(value) = self.get(key) else {
            return Given::No;
        };
        match as_table(document, value, keys.header) {
            Some(entries) => Given::Value(with_location(
                document,
                Self::new(entries, keys),
                value.span().start,
            )),
            None => Given::Unreadable,
        }
    }

    /// Whether it has a key of this name, whatever the file says.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.keys.names.contains(&name)
    }

    /// The names of its keys, each with its byte offset, in the order of the file.
    pub(crate) fn names(&self) -> Vec<(&'t str, usize)> {
        let names = self.entries.keys();
        let mut names: Vec<_> = names
            .map(|name| (name.get_ref().as_ref(), name.span().start))
            .collect();
        names.sort_by_key(|(_, offset)| *offset);
        names
    }

    /// The tables `[key.NAME]`, in the order of the file.
    pub(crate) fn tables(
        &self,
        document: &mut Document<'_>,
        key: &str,
        keys: &'static Keys,
    ) -> Vec<Named<'t>> {
        let value = self.get(key);
        let Some(entries) = value.and_then(|value| as_table(document, value, keys.header)) else {
            return Vec::new();
        };
        let named = entries.iter().map(|(name, value)| Named {
            name: name.get_ref(),
            offset: name.span().start,
            table: match value.get_ref() {
                DeValue::Table(entries) => Some(Self::new(entries, keys)),
                _ => None,
            },
        });
        let mut named: Vec<_> = named.collect();
        named.sort_by_key(|named| named.offset);
        named
    }

    /// The value of `key`, a list of tables, each with its location. `None`: it is no table, which is noted.
    pub(crate) fn table_list(
        &self,
        document: &mut Document<'_>,
        key: &str,
        example: &str,
        keys: &'static Keys,
    ) -> Given<Vec<Option<At<Self>>>> {
        let Some(value) = self.get(key) else {
            return Given::No;
        };
        let start = value.span().start;
        let help = || format!("write a list of tables, e.g. {key} = [{example}]");
        let DeValue::Array(elements) = value.get_ref() else {
            if !document.is_noted(start) {
                document.note(start, self.wrong_type(key, value), help());
            }
            return Given::Unreadable;
        };
        let location = document.location(start);
        let mut tables = Vec::with_capacity(elements.len());
        for element in elements {
            let offset = element.span().start;
            if let DeValue::Table(entries) = element.get_ref() {
                let table = Self::new(entries, keys);
                tables.push(Some(with_location(document, table, offset)));
                continue;
            }
            tables.push(None);
            if !document.is_noted(offset) {
                document.note(offset, self.wrong_type(key, element), help());
            }
        }
        Given::Value(At {
            value: tables,
            location,
            layer: document.layer,
        })
    }

    /// The value of `key`, a string.
    pub(crate) fn text<T: Value>(&self, document: &mut Document<'_>, key: &str) -> Given<T> {
        let Some(value) = self.get(key) else {
            return Given::No;
        };
        match self.read::<T>(document, key, value, false) {
            Some(read) => Given::Value(with_location(document, read, value.span().start)),
            None => Given::Unreadable,
        }
    }

    /// The value of `key`, `true` or `false`.
    pub(crate) fn flag(&self, document: &mut Document<'_>, key: &str) -> Given<bool> {
        let Some(value) = self.get(key) else {
            return Given::No;
        };
        let start = value.span().start;
        if let DeValue::Boolean(flag) = value.get_ref() {
            return Given::Value(with_location(document, *flag, start));
        }
        // Where the parser stumbled, the type is a consequence.
        if !document.is_noted(start) {
            let help = format!("write {key} = true or {key} = false, without quotes");
            document.note(start, self.wrong_type(key, value), help);
        }
        Given::Unreadable
    }

    /// The value of `key`, a list of strings.
    pub(crate) fn list<T: Value>(&self, document: &mut Document<'_>, key: &str) -> Given<Vec<T>> {
        self.list_of(document, key, |_, value, _| value)
    }

    /// The value of `key`, a list of strings, each with its location.
    pub(crate) fn list_at<T: Value>(
        &self,
        document: &mut Document<'_>,
        key: &str,
    ) -> Given<Vec<At<T>>> {
        self.list_of(document, key, with_location)
    }

    fn list_of<T: Value, E>(
        &self,
        document: &mut Document<'_>,
        key: &str,
        element: impl Fn(&mut Document<'_>, T, usize) -> E,
    ) -> Given<Vec<E>> {
        let Some(value) = self.get(key) else {
            return Given::No;
        };
        let start = value.span().start;
        let DeValue::Array(elements) = value.get_ref() else {
            let help = format!("write a list, e.g. {key} = [{}]", T::EXAMPLE);
            document.note(start, self.wrong_type(key, value), help);
            return Given::Unreadable;
        };
        let location = document.location(start);
        let read = self.elements(document, key, elements, element);
        if read.len() < elements.len() {
            return Given::Unreadable;
        }
        Given::Value(At {
            value: read,
            location,
            layer: document.layer,
        })
    }

    /// The value of `key`, a string or a list of strings, each with its location.
    pub(crate) fn one_or_more<T: Value>(
        &self,
        document: &mut Document<'_>,
        key: &str,
    ) -> Given<Vec<At<T>>> {
        match self.get(key).map(Spanned::get_ref) {
            None | Some(DeValue::Array(_)) => self.list_at(document, key),
            Some(_) => match self.text(document, key) {
                Given::Value(at) => Given::Value(At {
                    location: at.location,
                    layer: at.layer,
                    value: vec![at],
                }),
                Given::No => Given::No,
                Given::Unreadable => Given::Unreadable,
            },
        }
    }

    /// What can be read of the value of `key`, a string or a list of strings. Notes nothing.
    pub(crate) fn readable<T: Value>(&self, key: &str) -> Vec<T> {
        let text = |value: &Spanned<DeValue<'_>>| value.get_ref().as_str()?.parse().ok();
        match self.get(key).map(Spanned::get_ref) {
            Some(DeValue::Array(elements)) => elements.iter().filter_map(text).collect(),
            Some(DeValue::String(one)) => one.parse().ok().into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn elements<T: Value, E>(
        &self,
        document: &mut Document<'_>,
        key: &str,
        elements: &[Spanned<DeValue<'_>>],
        element: impl Fn(&mut Document<'_>, T, usize) -> E,
    ) -> Vec<E> {
        let mut values = Vec::with_capacity(elements.len());
        for value in elements {
            if let Some(read) = self.read::<T>(document, key, value, true) {
                values.push(element(document, read, value.span().start));
            }
        }
        values
    }

    fn read<T: Value>(
        &self,
        document: &mut Document<'_>,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        is_element: bool,
    ) -> Option<T> {
        let start = value.span().start;
        let result = match value.get_ref() {
            DeValue::String(text) => Some(text.parse()),
            DeValue::Integer(number) if number.radix() == 10 => T::from_integer(number.as_str()),
            _ => None,
        };
        match result {
            Some(Ok(value)) => Some(value),
            Some(Err(invalid)) => {
                document.note(start, invalid.what, invalid.help);
                None
            }
            None => {
                // Where the parser stumbled, the type is a consequence.
                if !document.is_noted(start) {
                    let example = T::EXAMPLE;
                    let help = if is_element {
                        format!("write {}s, e.g. {key} = [{example}]", T::KIND)
                    } else {
                        format!("write a {}, e.g. {key} = {example}", T::KIND)
                    };
                    document.note(start, self.wrong_type(key, value), help);
                }
                None
            }
        }
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>) -> String {
        let kind = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        format!("`{key}`{} is {kind}", self.within())
    }

    /// ` in [header]`, for messages.
    fn within(&self) -> String {
        match self.keys.header {
            "" => String::new(),
            header => format!(" in {header}"),
        }
    }

    /// Takes note of every unknown key. `elsewhere`: the keys of the file's other tables.
    pub(crate) fn note_unknown(&self, document: &mut Document<'_>, elsewhere: &[&Keys]) {
        for (key, value) in self.entries {
            let name: &str = key.get_ref();
            // A key that the parser stumbled over was told by it.
            if self.keys.names.contains(&name) || document.is_noted(key.span().start) {
                continue;
            }
            let shown = quoted(name);
            let is_header = self.keys.header.is_empty() && value.get_ref().is_table();
            let what = if is_header {
                format!("unknown table `[{}]`", shown.trim_matches('`'))
            } else {
                format!("unknown key {shown}{}", self.within())
            };
            let home = elsewhere.iter().find(|keys| keys.names.contains(&name));
            let instead = self.keys.instead.iter().find(|(key, _)| *key == name);
            let help = if let Some((_, help)) = instead {
                (*help).to_owned()
            } else if let Some(meant) = nearest(name, self.keys.names.iter().copied()) {
                if is_header {
                    format!("did you mean `[{meant}]`?")
                } else {
                    format!("did you mean `{meant}`?")
                }
            } else if let Some(home) = home {
                match home.header {
                    "" => "it belongs at the top of the file".to_owned(),
                    header => format!("it belongs in {header}"),
                }
            } else {
                format!("remove it; known are {}", self.keys.names.join(", "))
            };
            document.note(key.span().start, what, help);
        }
    }
}

fn with_location<T>(document: &mut Document<'_>, value: T, offset: usize) -> At<T> {
    At {
        value,
        location: document.location(offset),
        layer: document.layer,
    }
}

fn as_table<'t>(
    document: &mut Document<'_>,
    value: &'t Spanned<DeValue<'t>>,
    header: &str,
) -> Option<&'t DeTable<'t>> {
    let start = value.span().start;
    match value.get_ref() {
        DeValue::Table(entries) => return Some(entries),
        DeValue::Array(_) => document.note(
            start,
            format!("{header} is a list"),
            format!("write {header} once, in single brackets"),
        ),
        _ => document.note(
            start,
            format!("`{}` is not a table", header.trim_matches(['[', ']'])),
            format!("write {header} on a line of its own"),
        ),
    }
    None
}
