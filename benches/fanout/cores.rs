//! Which processor the servers have, and which the load generator.

use anyhow::{Result, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A processor for servers, one for the generator, and the rest.
#[derive(Clone, Debug)]
pub(crate) struct Cores {
    all: Vec<usize>,
}

impl Cores {
    /// Asks the kernel which ones this process may use.
    ///
    /// # Errors
    ///
    /// It may use no two: then nothing could be measured apart.
    pub(crate) fn find() -> Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let all: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
        ensure!(all.len() >= 2, "two processors are needed: one for the server, one for the load");
        Ok(Self { all })
    }

    /// The cores of a server with `workers` workers: the first core, then the others, and the core of the
    /// generator last.
    pub(crate) fn of_server(&self, workers: usize) -> Vec<usize> {
        let [first, generator, others @ ..] = &*self.all else { return self.all.clone() };
        let order = [first].into_iter().chain(others).chain([generator]);
        order.take(workers).copied().collect()
    }

    /// Moves the calling thread, and what it starts from now on.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub(crate) fn be_generator(&self) -> Result<()> {
        pin(&self.all[1..2])
    }

    /// The same, for the processes that the thread is about to start.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub(crate) fn be_server(&self, workers: usize) -> Result<()> {
        pin(&self.of_server(workers))
    }

    /// For the record.
    pub(crate) fn describe(&self) -> String {
        let two = self.of_server(2);
        let [server, generator] = [self.all[0], self.all[1]];
        let shared =
            if two.contains(&generator) { ", the second that of the generator" } else { "" };
        format!("server on {server}, generator on {generator}; two workers on {two:?}{shared}")
    }
}

fn pin(cores: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core));
    Ok(sched_setaffinity(None, &set)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generators_processor_is_the_last_that_a_server_gets() {
        let cores = |all: &[usize]| Cores { all: all.to_vec() };
        assert_eq!(cores(&[0, 1]).of_server(1), [0]);
        assert_eq!(cores(&[0, 1]).of_server(2), [0, 1]);
        assert_eq!(cores(&[4, 5, 6]).of_server(2), [4, 6]);
    }
}
