//! Which processors the server has, and which the load generator, so that neither takes the other's time.

use anyhow::{Result, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Two sets of processors that have none in common, where there are enough for that.
#[derive(Clone, Debug)]
pub struct Cores {
    server: Vec<usize>,
    generator: Vec<usize>,
}

impl Cores {
    /// Shares out what this process may use: at most two for the server, at least one for the generator.
    ///
    /// # Errors
    ///
    /// The kernel does not say which there are.
    pub fn share_out() -> Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let all: Vec<usize> =
            (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor)).collect();
        ensure!(!all.is_empty(), "this process may run on no processor");
        let server = (all.len() / 2).clamp(1, WORKERS);
        let (server, generator) = all.split_at(server);
        let generator = if generator.is_empty() { server } else { generator };
        Ok(Self { server: server.to_vec(), generator: generator.to_vec() })
    }

    /// Moves the calling thread, and what it starts from now on, to the server's processors.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub fn be_server(&self) -> Result<()> {
        pin(&self.server)
    }

    /// Moves the calling thread, and what it starts from now on, to the generator's processors.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub fn be_generator(&self) -> Result<()> {
        pin(&self.generator)
    }

    /// Whether server and generator share a processor.
    pub fn overlap(&self) -> bool {
        self.server.iter().any(|processor| self.generator.contains(processor))
    }
}

impl std::fmt::Display for Cores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "server on processors {:?}, generator on {:?}", self.server, self.generator)?;
        if self.overlap() { write!(f, ": not apart, latencies are not comparable") } else { Ok(()) }
    }
}

fn pin(processors: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    processors.iter().for_each(|processor| set.set(*processor));
    Ok(sched_setaffinity(None, &set)?)
}

/// Worker threads of the server in every row.
pub(super) const WORKERS: usize = 2;
