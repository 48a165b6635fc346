//! How much a process moves (proc_pid_io(5)).

/// The bytes a process has read and written, files and network alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Io {
    /// The bytes it has read.
    pub read: u64,
    /// The bytes it has written.
    pub written: u64,
}

impl Io {
    /// Reads the text of `/proc/PID/io` (proc_pid_io(5)); `None` if it lacks one of the two.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let count = |name: &str| {
            let mut lines = text.lines();
            let count = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))?;
            count.trim().parse().ok()
        };
        Some(Self {
            read: count("rchar")?,
            written: count("wchar")?,
        })
    }

    /// Both together.
    #[must_use]
    pub fn moved(self) -> u64 {
        self.read.saturating_add(self.written)
    }
}

/// What a process and those it has waited for have moved until now; `None` if that cannot be told.
#[must_use]
pub fn io_of(process: u32) -> Option<Io> {
    Io::parse(&std::fs::read_to_string(format!("/proc/{process}/io")).ok()?)
}
