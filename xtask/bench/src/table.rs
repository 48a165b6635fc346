//! Tables and claims in Markdown that is readable as it is.

use std::fmt;

/// What is to take the same time may take this many times as long: the rest is noise.
pub(crate) const MOST_TIMES: f64 = 1.05;

/// A table: its head and its rows, all of the same length.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<const N: usize>(head: [&str; N]) -> Self {
        Self {
            rows: vec![head.map(str::to_owned).to_vec()],
        }
    }

    pub(crate) fn row<const N: usize>(&mut self, row: &[String; N]) {
        self.rows.push(row.to_vec());
    }
}

impl fmt::Display for Table {
    /// The first column to the left, the others, which are numbers, to the right.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        for (index, row) in self.rows.iter().enumerate() {
            for (column, cell) in row.iter().enumerate() {
                let width = width(column);
                if column == 0 {
                    write!(f, "| {cell:<width$} |")?;
                } else {
                    write!(f, " {cell:>width$} |")?;
                }
            }
            writeln!(f)?;
            if index == 0 {
                for column in 0..row.len() {
                    let line = "-".repeat(width(column));
                    if column == 0 {
                        write!(f, "| {line} |")?;
                    } else {
                        write!(f, " {}: |", &line[1..])?;
                    }
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

/// Prints a claim, whether it holds, and what was measured.
pub(crate) fn claim(holds: bool, claim: &str, measured: &str) {
    let verdict = if holds { "holds" } else { "**MISSED**" };
    println!("- {verdict}: {claim}: {measured}");
}

/// A time in seconds, as milliseconds.
pub(crate) fn ms(seconds: f64) -> String {
    format!("{:.1} ms", seconds * 1e3)
}

/// A time in seconds.
pub(crate) fn s(seconds: f64) -> String {
    format!("{seconds:.2} s")
}

/// A ratio.
pub(crate) fn times(ratio: f64) -> String {
    format!("{ratio:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(["program", "time"]);
        table.row(&["floor".to_owned(), "12.0 ms".to_owned()]);
        assert_eq!(
            table.to_string(),
            "| program |    time |\n| ------- | ------: |\n| floor   | 12.0 ms |\n"
        );
    }
}
