//! What is told to people: events in the journal, a status line, progress.

mod begin;
pub mod event;
pub mod hold;
pub mod logger;
pub mod progress;
pub mod root;
pub mod status;
pub mod words;

pub use begin::{begin, begin_for, service};
pub use event::{Event, Kind, refuse, refuse_declaration};
pub use progress::Progress;
