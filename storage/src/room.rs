//! How much a drill may take of what it restores into.

/// The part that it leaves free: one of so many.
const LEFT_FREE: u64 = 5;

/// The bytes that it may take of so many, of which so many are free.
pub(crate) fn of(total: u64, free: u64) -> u64 {
    free.saturating_sub(total / LEFT_FREE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_is_left_free() {
        assert_eq!((of(100, 100), of(100, 30), of(100, 20)), (80, 10, 0));
        assert_eq!((of(100, 5), of(0, 0)), (0, 0));
    }
}
