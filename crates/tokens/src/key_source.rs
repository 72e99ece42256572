//! Where keys come from that are fetched, as far as a verifier has to know it.

use std::{fmt, pin::Pin, sync::OnceLock};

/// Fetches keys for a [`crate::Verifier`], which asks it for those that are missing. It must answer at once.
pub trait KeySource: Send + Sync {
    /// Asks for a key that is not known. Says whether it may come.
    fn ask(&self) -> FetchState;

    /// Is ready once the fetch that is under way has ended, however it ended, or has lasted too long to wait for. `None` if too
    /// many wait already.
    fn fetched(&self) -> Option<Fetched>;
}

/// What a token waits for whose key is being fetched.
pub type Fetched = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How it stands with the keys that are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchState {
    /// A fetch is under way, or begins now.
    UnderWay,
    /// The last fetch has failed, and the next one may not begin yet.
    Failed,
    /// The last fetch has brought all keys that there are, and the next one may not begin yet.
    Done,
}

/// The source of a verifier, if it has one.
#[derive(Default)]
pub(crate) struct Source(OnceLock<Box<dyn KeySource>>);

impl Source {
    /// Takes a source; only the first one counts.
    pub(crate) fn set(&self, source: Box<dyn KeySource>) {
        let _ = self.0.set(source);
    }

    pub(crate) fn get(&self) -> Option<&dyn KeySource> {
        self.0.get().map(|source| &**source)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Source")
    }
}
