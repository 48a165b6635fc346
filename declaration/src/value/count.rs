use std::str::FromStr;

use super::invalid::Invalid;
use super::written::Value;
use crate::quote::quoted;

/// A number from 1 to `MOST`, written as an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count<const MOST: usize>(pub(crate) usize);

impl<const MOST: usize> FromStr for Count<MOST> {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Err(Invalid::new(
            format!("{} is a string", quoted(text)),
            format!("write a number from 1 to {MOST}, without quotes"),
        ))
    }
}

impl<const MOST: usize> Value for Count<MOST> {
    const EXAMPLE: &'static str = "3";
    const KIND: &'static str = "number";

    fn from_integer(decimal: &str) -> Option<Result<Self, Invalid>> {
        let count = decimal.parse().ok();
        let count = count.filter(|count| (1..=MOST).contains(count));
        Some(count.map(Self).ok_or_else(|| {
            Invalid::new(
                format!("{} is not from 1 to {MOST}", quoted(decimal)),
                "write a number that is",
            )
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::refuses;
    use super::*;

    #[test]
    fn counts() {
        let read = |decimal| <Count<1000> as Value>::from_integer(decimal);
        for (decimal, count) in [("1", 1), ("1000", 1000), ("+7", 7)] {
            assert_eq!(read(decimal), Some(Ok(Count(count))), "{decimal}");
        }
        for decimal in ["0", "-1", "1001", "99999999999999999999"] {
            let what = format!("`{decimal}` is not from 1 to 1000");
            let invalid = Invalid::new(what, "write a number that is");
            assert_eq!(read(decimal), Some(Err(invalid)));
        }
        refuses::<Count<100>>(&[(
            "3",
            "`3` is a string: write a number from 1 to 100, without quotes",
        )]);
    }
}
