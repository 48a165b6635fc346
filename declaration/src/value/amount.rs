use std::str::FromStr;

use super::invalid::Invalid;
use super::written::Value;
use crate::quote::quoted;

/// A number from 0 to `MOST`, written as an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amount<const MOST: usize>(pub(crate) usize);

impl<const MOST: usize> FromStr for Amount<MOST> {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Err(Invalid::new(
            format!("{} is a string", quoted(text)),
            format!("write a number from 0 to {MOST}, without quotes"),
        ))
    }
}

impl<const MOST: usize> Value for Amount<MOST> {
    const EXAMPLE: &'static str = "24";
    const KIND: &'static str = "number";

    fn from_integer(decimal: &str) -> Option<Result<Self, Invalid>> {
        let amount = decimal.parse().ok().filter(|amount| *amount <= MOST);
        Some(amount.map(Self).ok_or_else(|| {
            Invalid::new(
                format!("{} is not from 0 to {MOST}", quoted(decimal)),
                "write a number that is",
            )
        }))
    }
}
