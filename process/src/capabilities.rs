//! What a program that root runs may do beside what any user may.

use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::libc;

/// A capability (capabilities(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// To write whatever belongs to others (`CAP_DAC_OVERRIDE`).
    WriteAll = 1,
    /// To read whatever belongs to others (`CAP_DAC_READ_SEARCH`).
    ReadAll = 2,
    /// To read the attributes that only root sees (`CAP_SYS_ADMIN`, for `trusted.*` in xattr(7)).
    ReadTrusted = 21,
}

/// More than any kernel has.
const ALL: u64 = 64;

/// Has the command run without any capability but these, and without a way to others, whoever starts it.
pub fn keep_only(command: &mut Command, kept: &[Capability]) {
    let kept = kept.iter().fold(0_u64, |set, one| set | 1 << *one as u64);
    // SAFETY: what runs between fork and exec is system calls only: no memory is allocated, no lock is taken.
    #[expect(
        unsafe_code,
        reason = "nothing else runs in the child before its program"
    )]
    unsafe {
        command.pre_exec(move || {
            for capability in (0..ALL).filter(|one| kept >> one & 1 == 0) {
                // One that the kernel does not know, or that may not be given up, was never ours to use.
                drop_one(capability);
            }
            Ok(())
        });
    }
}

fn drop_one(capability: u64) {
    // SAFETY: prctl(2) takes numbers here.
    #[expect(unsafe_code, reason = "nix has no PR_CAPBSET_DROP")]
    let _ = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nothing_else_is_left() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let mut command = Command::new("grep");
        command.args(["-E", "^Cap(Prm|Eff|Bnd)", "/proc/self/status"]);
        keep_only(&mut command, &[Capability::ReadAll]);
        let told = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert_eq!(told.lines().count(), 3);
        for line in told.lines() {
            assert!(line.ends_with("\t0000000000000004"), "{told}");
        }
    }
}
