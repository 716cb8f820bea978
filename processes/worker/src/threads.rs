//! The threads of arithmetic.

use std::io;

use candle_core::utils::barrier_pool;
use rayon::ThreadPoolBuilder;
use rayon::iter::{IndexedParallelIterator as _, ParallelIterator as _};
use rayon::slice::ParallelSliceMut as _;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Starts all of them; the calling thread is one of them, and must be the one that computes. When this
/// returns, the others wait for work and ask the kernel for nothing else any more.
///
/// # Errors
/// When they were started before or cannot be, or the kernel refuses to say or to change where threads
/// may run.
pub fn start(threads: usize) -> io::Result<()> {
    keep_candle_from_starting_any()?;
    let pool = ThreadPoolBuilder::new().num_threads(threads.max(1)).use_current_thread();
    pool.build_global().map_err(io::Error::other)?;
    rayon::broadcast(|_| ());
    Ok(())
}

/// Gives candle a pool without threads: its kernels run on the thread that calls them.
///
/// Its own threads wait for each other by spinning, so on a busy machine most of the time would go into
/// waiting for one that does not run. It asks the environment how many to start, which is empty in a
/// jail, or else counts the processors that it may run on: so there is one, while it counts.
fn keep_candle_from_starting_any() -> io::Result<()> {
    let all = sched_getaffinity(None)?;
    let mut one = CpuSet::new();
    (0..CpuSet::MAX_CPU)
        .find(|&processor| all.is_set(processor))
        .into_iter()
        .for_each(|first| one.set(first));
    sched_setaffinity(None, &one)?;
    barrier_pool();
    sched_setaffinity(None, &all)?;
    Ok(())
}

/// Fills `out` in parts of `step` numbers, several at the same time. `work` is told where its part
/// begins. One part alone is worked on by the caller, and so is every part that no other thread takes.
pub(crate) fn fill(out: &mut [f32], step: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    if out.len() <= step {
        return work(0, out);
    }
    out.par_chunks_mut(step).enumerate().for_each(|(index, part)| work(index * step, part));
}

/// How many parts to make of work that takes so many multiplications. Each is enough to be worth waking
/// another thread for: a small model's next token is one part alone.
pub(crate) fn parts(products: usize) -> usize {
    (products / PRODUCTS_MIN).clamp(1, PARTS_MAX)
}

const PRODUCTS_MIN: usize = 256 * 1024;
const PARTS_MAX: usize = 64;

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
    fn a_process_may_run_afterwards_where_it_could_before() {
        let before = sched_getaffinity(None).unwrap();
        keep_candle_from_starting_any().unwrap();
        assert_eq!(sched_getaffinity(None).unwrap(), before);
    }
}
