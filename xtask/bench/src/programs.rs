//! How many programs a helper starts.

use crate::guest::Measured;
use crate::table::claim;

/// Prints whether what the fact `name` counts (`2 zfs, 1 systemctl`) is at most so many processes of `zfs`; `what` starts
/// them, in words.
///
/// # Errors
/// It was not counted.
pub(crate) fn few_zfs_processes(
    measured: &Measured,
    name: &str,
    what: &str,
    most: usize,
) -> anyhow::Result<()> {
    let programs = measured.fact(name)?;
    let holds = zfs_processes(programs) <= most;
    claim(
        holds,
        &format!("{what}at most {most} zfs processes"),
        programs,
    );
    Ok(())
}

fn zfs_processes(programs: &str) -> usize {
    let counted = programs.split(", ").filter_map(|one| one.split_once(' '));
    let of_zfs = counted.filter(|(_, program)| *program == "zfs");
    of_zfs
        .filter_map(|(number, _)| number.parse::<usize>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_of_zfs_are_counted() {
        assert_eq!(zfs_processes("17 zfs, 1 systemctl, 2 zpool"), 17);
        assert_eq!(zfs_processes("1 systemctl"), 0);
    }
}
