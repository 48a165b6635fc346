//! Work that several threads do together.

use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// How many services are in a part: so few that no thread waits long for another's last one.
pub const PART: usize = 16;

/// Fewer parts for each thread are done before it would have started.
const WORTH_A_THREAD: usize = 4;

/// Does `work` on each of `parts`, with as many threads as there are processors; where none is to be had,
/// with the one that calls.
///
/// Each takes the next part when it has done one: a thread that gets little of its processor, as in the
/// middle of a boot, keeps no other waiting. In which order parts are done is not said.
pub fn for_each<P: Send>(parts: impl ExactSizeIterator<Item = P> + Send, work: impl Fn(P) + Sync) {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = processors.min(parts.len() / WORTH_A_THREAD);
    let parts = Mutex::new(parts);
    let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).next();
    let take = || {
        while let Some(part) = next() {
            work(part);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            if thread::Builder::new().spawn_scoped(scope, take).is_err() {
                break;
            }
        }
        take();
    });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn each_part_is_done_once() {
        for count in [0, 1, PART, 1000] {
            let things: Vec<usize> = (0..count).collect();
            let mut done = vec![0; count];
            for_each(
                things.chunks(PART).zip(done.chunks_mut(PART)),
                |(things, done)| {
                    for (thing, done) in things.iter().zip(done) {
                        *done += thing + 1;
                    }
                },
            );
            let wanted: Vec<usize> = (1..=count).collect();
            assert_eq!(done, wanted);
        }
    }

    #[test]
    fn a_slow_part_keeps_no_other_waiting() {
        if thread::available_parallelism().map_or(1, NonZero::get) < 2 {
            return;
        }
        // The first part is done only when all others are: were they shared out beforehand, some would wait for it.
        let others = AtomicUsize::new(0);
        let parts: Vec<usize> = (0..100).collect();
        let start = Instant::now();
        for_each(parts.iter(), |part| {
            if *part > 0 {
                others.fetch_add(1, Ordering::SeqCst);
            } else {
                while others.load(Ordering::SeqCst) < 99 {
                    assert!(
                        start.elapsed() < Duration::from_mins(1),
                        "{others:?} of 99 are done"
                    );
                    thread::yield_now();
                }
            }
        });
        assert_eq!(others.into_inner(), 99);
    }
}
