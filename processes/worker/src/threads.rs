//! The threads of arithmetic: candle's own pool, so that its kernels and ours share one.

use std::io;
use std::ops::Range;
use std::sync::Mutex;

use candle_core::utils::barrier_pool;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Starts all of them. Later calls change nothing: the pool lives as long as the process.
///
/// candle asks the environment, which is empty in a jail, or else counts the processors that the
/// process may run on. So that is narrowed while candle counts, and widened again for every thread:
/// none stays tied to a processor.
///
/// # Errors
/// When the kernel refuses to say or to change where threads may run.
pub fn start(threads: usize) -> io::Result<()> {
    let all = sched_getaffinity(None)?;
    sched_setaffinity(None, &first(threads.max(1), &all))?;
    let pool = barrier_pool();
    sched_setaffinity(None, &all)?;
    pool.execute(|_| {
        // A thread that stays narrowed is slower and does nothing else wrong.
        let _ = sched_setaffinity(None, &all);
    });
    Ok(())
}

/// Fills `out` in parts of `step` numbers, several at the same time. `work` is told where its part
/// begins. One part alone is worked on by the caller.
pub(crate) fn fill(out: &mut [f32], step: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    if out.len() <= step {
        return work(0, out);
    }
    // Nobody else ever takes a part's lock: it lends each part to one thread, nothing more.
    let parts: Vec<_> = out.chunks_mut(step).map(Mutex::new).collect();
    barrier_pool().execute_chunked(parts.len(), |range: Range<usize>| {
        for index in range {
            if let Some(mut part) = parts.get(index).and_then(|part| part.lock().ok()) {
                work(index * step, &mut part);
            }
        }
    });
}

/// How many parts to make of work that takes so many multiplications. Each is enough to be worth the
/// wait for another thread, which may be long when others want the processor too: a small model's next
/// token is one part alone.
pub(crate) fn parts(products: usize) -> usize {
    (products / PRODUCTS_MIN).clamp(1, PARTS_MAX)
}

const PRODUCTS_MIN: usize = 256 * 1024;
const PARTS_MAX: usize = 64;

fn first(count: usize, of: &CpuSet) -> CpuSet {
    let mut few = CpuSet::new();
    let available = (0..CpuSet::MAX_CPU).filter(|&processor| of.is_set(processor));
    available.take(count).for_each(|processor| few.set(processor));
    few
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_filled_once_and_knows_where_it_begins() {
        let mut out = vec![0.0; 1000];
        fill(&mut out, 64, |from, part| {
            for (offset, number) in part.iter_mut().enumerate() {
                *number += (from + offset) as f32;
            }
        });
        let expected: Vec<f32> = (0..1000_u16).map(f32::from).collect();
        assert_eq!(out, expected);
    }

    #[test]
    fn starting_leaves_the_process_where_it_could_run_before() {
        let before = sched_getaffinity(None).unwrap();
        start(1).unwrap();
        assert_eq!(sched_getaffinity(None).unwrap(), before);
    }
}
