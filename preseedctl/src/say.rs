//! What is printed for a person, who may have seen enough: `preseedctl kept | head` is no error.

use std::fmt::Arguments;
use std::io::{Write, stdout};

/// Prints on standard output. Where nobody reads any more, nothing is lost but the words.
pub(crate) fn out(text: Arguments<'_>) {
    let _ = stdout().lock().write_fmt(text);
}

/// As `print!`, see [`out`].
macro_rules! say {
    ($($text:tt)*) => {
        $crate::say::out(format_args!($($text)*))
    };
}

/// As `println!`, see [`out`].
macro_rules! say_line {
    ($($text:tt)*) => {
        $crate::say::out(format_args!("{}\n", format_args!($($text)*)))
    };
}

pub(crate) use {say, say_line};
