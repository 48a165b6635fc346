//! On which processor each machine runs: one that has the fewest.

use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// How many machines run on each processor.
#[derive(Debug, Clone)]
pub(super) struct Processors(Arc<Mutex<Vec<usize>>>);

/// One machine's place. It is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    processor: usize,
    all: Processors,
}

impl Processors {
    /// Those of this machine.
    pub(super) fn new() -> Self {
        let count = thread::available_parallelism().map_or(1, NonZero::get);
        Self(Arc::new(Mutex::new(vec![0; count])))
    }

    /// A place on a processor with the fewest machines.
    pub(super) fn seat(&self) -> Seat {
        let mut machines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fewest = (0..machines.len()).min_by_key(|&processor| machines[processor]);
        let processor = fewest.unwrap_or(0);
        machines[processor] += 1;
        Seat {
            processor,
            all: self.clone(),
        }
    }

    /// How many machines run.
    #[cfg(test)]
    pub(super) fn machines(&self) -> usize {
        let machines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        machines.iter().sum()
    }
}

impl Seat {
    /// The processor's number, from 0.
    pub(super) fn processor(&self) -> usize {
        self.processor
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut machines = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        machines[self.processor] -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_spread_over_the_processors() {
        let processors = Processors(Arc::new(Mutex::new(vec![0; 2])));
        let first = processors.seat();
        let second = processors.seat();
        assert_eq!((first.processor(), second.processor()), (0, 1));
        drop(first);
        assert_eq!(processors.seat().processor(), 0);
    }
}
