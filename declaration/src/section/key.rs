//! What a table of a declaration is made of: its keys, each with how it is read and what it means.

use crate::document::Document;
use crate::given::{At, Given, Merge};
use crate::location::Location;
use crate::table::Table;
use crate::value::Value;

/// What a key can hold.
pub(crate) trait Readable: Clone {
    /// As the documentation calls it.
    fn type_name() -> String;

    /// Reads the value of `key`.
    fn read(table: &Table<'_>, document: &mut Document<'_>, key: &str) -> Given<Self>;

    /// Says of each of its parts that it is declared there.
    fn relocate(&mut self, _location: Location) {}
}

impl<T: Value + Clone> Readable for T {
    fn type_name() -> String {
        T::KIND.to_owned()
    }

    fn read(table: &Table<'_>, document: &mut Document<'_>, key: &str) -> Given<Self> {
        table.text(document, key)
    }
}

impl<T: Value + Clone> Readable for Vec<T> {
    fn type_name() -> String {
        format!("list of {}s", T::KIND)
    }

    fn read(table: &Table<'_>, document: &mut Document<'_>, key: &str) -> Given<Self> {
        table.list(document, key)
    }
}

/// A list whose elements are told apart in messages.
impl<T: Value + Clone> Readable for Vec<At<T>> {
    fn type_name() -> String {
        format!("list of {}s", T::KIND)
    }

    fn read(table: &Table<'_>, document: &mut Document<'_>, key: &str) -> Given<Self> {
        table.list_at(document, key)
    }

    fn relocate(&mut self, location: Location) {
        for at in self {
            at.location = location;
        }
    }
}

impl Readable for bool {
    fn type_name() -> String {
        "`true` or `false`".to_owned()
    }

    fn read(table: &Table<'_>, document: &mut Document<'_>, key: &str) -> Given<Self> {
        table.flag(document, key)
    }
}

/// One value, or a list of several.
#[derive(Debug, Clone)]
pub(crate) struct OneOrMore<T>(pub(crate) Vec<At<T>>);

impl<T: Value + Clone> Readable for OneOrMore<T> {
    fn type_name() -> String {
        format!("{0}, or list of {0}s", T::KIND)
    }

    fn read(table: &Table<'_>, document: &mut Document<'_>, key: &str) -> Given<Self> {
        table.one_or_more(document, key).map(Self)
    }

    fn relocate(&mut self, location: Location) {
        self.0.relocate(location);
    }
}

/// A table as the documentation shows it.
#[derive(Debug, Clone)]
pub struct TableDoc {
    /// `[name]`; empty: the file's top level.
    pub header: &'static str,
    /// What the table is for.
    pub about: String,
    /// Its keys, in the order in which they are documented.
    pub keys: Vec<KeyDoc>,
}

/// A key as the documentation shows it.
#[derive(Debug, Clone)]
pub struct KeyDoc {
    /// The key.
    pub name: &'static str,
    /// What is written as its value.
    pub type_name: String,
    /// What holds without it: in backticks a value that could be written, else words.
    pub default: &'static str,
    /// What it does.
    pub about: String,
    /// A value as it is written in TOML.
    pub example: &'static str,
}

/// The text of a docstring.
pub(crate) fn text(lines: &[&str]) -> String {
    let lines = lines
        .iter()
        .map(|line| line.strip_prefix(' ').unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// Declares a table: a `Fragment` that holds what one file says in it, `KEYS` and `documentation`.
///
/// This is the only list of the table's keys. Each line has the key's docstring, which is also its documentation, the
/// field and its type, the key, its default and an example. `extend LIST with EXTRA` says that a file's `EXTRA` is appended
/// to the `LIST` of the files below it, `unite TABLE` that a file's `TABLE` is merged with theirs name by name.
macro_rules! keys {
    (
        $(#[doc = $about:literal])+
        table $header:literal;
        $(tables $($table:literal)+;)?
        $(instead { $($word:literal => $help:expr,)+ })?
        $(extend $base:ident with $extra:ident;)?
        $(unite $united:ident;)?
        $(
            $(#[doc = $line:literal])+
            $field:ident: $type:ty = $key:literal, default $default:literal, example $example:literal;
        )+
    ) => {
        /// The keys of the table.
        pub(crate) static KEYS: $crate::table::Keys = $crate::table::Keys {
            header: $header,
            names: &[$($key,)+ $($($table,)+)?],
            instead: &[$($(($word, $help),)+)?],
        };

        $(#[doc = $about])+
        #[derive(Debug, Clone, Default)]
        pub(crate) struct Fragment {
            $($(#[doc = $line])+ pub(crate) $field: $crate::given::Given<$type>,)+
        }

        impl Fragment {
            /// Reads the keys of the table. Unknown ones are not looked at.
            pub(crate) fn read(
                document: &mut $crate::document::Document<'_>,
                table: &$crate::table::Table<'_>,
            ) -> Self {
                Self {
                    $($field: <$type as $crate::section::key::Readable>::read(table, document, $key),)+
                }
            }
        }

        impl $crate::section::key::TableFragment for Fragment {
            fn over(self, lower: &Self, merge: $crate::given::Merge) -> Self {
                use $crate::section::key::Readable;
                $(let $extra = merge.extend(&self.$base, self.$extra.clone(), &lower.$extra);)?
                $(let $united = merge.unite(self.$united.clone(), &lower.$united);)?
                let merged = Self {
                    $($field: merge.pick(self.$field, &lower.$field, <$type as Readable>::relocate),)+
                };
                $(let merged = Self { $extra, ..merged };)?
                $(let merged = Self { $united, ..merged };)?
                merged
            }

            fn origins(&self) -> Vec<(&'static str, Option<$crate::location::Location>)> {
                vec![$(($key, self.$field.origin()),)+]
            }
        }

        /// The table as the documentation shows it.
        pub(crate) fn documentation() -> $crate::section::key::TableDoc {
            use $crate::section::key::{KeyDoc, Readable, TableDoc, text};
            TableDoc {
                header: $header,
                about: text(&[$($about),+]),
                keys: vec![$(KeyDoc {
                    name: $key,
                    type_name: <$type as Readable>::type_name(),
                    default: $default,
                    about: text(&[$($line),+]),
                    example: $example,
                },)+],
            }
        }
    };
}
pub(crate) use keys;

/// What one file says in a table.
pub(crate) trait TableFragment {
    /// Puts it over what `lower` says.
    fn over(self, lower: &Self, merge: Merge) -> Self;

    /// Each key, and where it is declared if it is.
    fn origins(&self) -> Vec<(&'static str, Option<Location>)>;
}
