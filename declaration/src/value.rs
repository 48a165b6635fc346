//! The values a declaration is made of, each valid by construction.
//!
//! Each is made from text with [`str::parse`]; an [`Invalid`] says what is wrong and what to do.

mod account;
mod account_name;
mod amount;
mod calendar;
mod choice;
mod compression;
mod count;
mod dataset_name;
mod invalid;
mod mode;
mod names;
mod path;
mod pattern;
mod recordsize;
mod repository;
mod rhythm;
mod service_name;
mod size;
mod tier;
mod time_span;
mod types;
mod unit_name;
mod written;

pub use invalid::Invalid;
pub use types::{
    AccountName, Compression, DatasetName, Mode, Principal, Recordsize, ServiceName, TierName,
    UnitName,
};

pub(crate) use account_name::AccountId;
pub(crate) use amount::Amount;
pub(crate) use calendar::Calendar;
pub(crate) use choice::{one_of, word_of};
pub(crate) use count::Count;
pub(crate) use names::{
    CommandWord, EntryName, HostName, Pattern, SharedName, SshHost, Tag, TemplateName,
};
pub(crate) use path::{
    AbsolutePath, ExpectedPath, Mountpoint, PlaceMountpoint, RelativePath, ScriptFile, SecretFile,
};
pub(crate) use repository::RepositoryUrl;
pub(crate) use rhythm::Rhythm;
pub(crate) use size::Size;
pub(crate) use time_span::TimeSpan;
pub(crate) use types::RESERVED;
pub(crate) use written::Value;

#[cfg(test)]
pub(crate) mod check {
    use super::Value;

    /// Each of `good` is taken.
    pub(crate) fn takes<T: Value>(good: &[&str]) {
        for text in good {
            if let Err(invalid) = text.parse::<T>() {
                assert_eq!(invalid.to_string(), "", "{text:?}");
            }
        }
    }

    /// Each of `bad` is refused with just this message.
    pub(crate) fn refuses<T: Value>(bad: &[(&str, &str)]) {
        for (text, message) in bad {
            match text.parse::<T>() {
                Ok(_) => assert_eq!("taken", *message, "{text:?}"),
                Err(invalid) => assert_eq!(invalid.to_string(), *message, "{text:?}"),
            }
        }
    }
}
