//! Where a fault of preseed itself is reported.

/// What a message asks for where nothing is wrong but preseed: it names the address that Cargo.toml gives as
/// `repository`.
pub const REPORT: &str = if env!("CARGO_PKG_REPOSITORY").is_empty() {
    "report this, with this message and `preseedctl --version`, to whom you have preseed from"
} else {
    concat!(
        "report this, with this message and `preseedctl --version`, at ",
        env!("CARGO_PKG_REPOSITORY"),
        "/issues"
    )
};
