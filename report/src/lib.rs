//! What is told to people: events in the journal, a status line, progress.

mod begin;
pub mod event;
pub mod hold;
mod logger;
pub mod progress;
mod root;
pub mod status;
pub mod words;

pub use begin::{begin, begin_for, begin_for_anybody, service};
pub use event::{Event, Kind, refuse, refuse_declaration};
pub use progress::Progress;
