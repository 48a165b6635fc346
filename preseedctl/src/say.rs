//! What is printed on standard output: words for a person, or text for a program.

use std::fmt::Arguments;
use std::io::{Write, stdout};

/// Prints text for a program as it is. Where nobody reads any more, nothing is lost but the words.
pub(crate) fn out(text: Arguments<'_>) {
    let _ = stdout().lock().write_fmt(text);
}

/// Prints lines for a person, wrapped on a terminal; as `println!`.
macro_rules! say_line {
    ($($text:tt)*) => {
        report::words::say(&format!($($text)*))
    };
}

/// Prints text for a program as it is; as `print!`, see [`out`].
macro_rules! print_raw {
    ($($text:tt)*) => {
        $crate::say::out(format_args!($($text)*))
    };
}

pub(crate) use {print_raw, say_line};
