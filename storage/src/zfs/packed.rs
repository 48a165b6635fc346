//! A value as one word of a note that is a property.

/// A value without spaces.
pub(super) fn pack(value: &str) -> String {
    value.replace('%', "%25").replace(' ', "%20")
}

/// The value that was packed.
pub(super) fn unpack(value: &str) -> String {
    value.replace("%20", " ").replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_reads_back_as_it_was_noted() {
        for value in ["true", "", "a b", "100 %", "%20", "% 25%2520"] {
            assert!(!pack(value).contains(' '));
            assert_eq!(unpack(&pack(value)), value);
        }
    }
}
