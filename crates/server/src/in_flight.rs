//! Bytes in flight: one account for input that is unfinished, one for output that is unsent.
//!
//! What all clients hold together has a bound. If it is reached, the client that holds the most is refused, not the
//! one that asks last: a client that needs little is served as long as another one holds more. Up to `SMALL_BYTES` are
//! not counted, so idle connections and small requests cost nothing here.

mod receive_buffer;

pub(crate) use receive_buffer::ReceiveBuffer;

use futures_util::task::AtomicWaker;
use std::{
    collections::BTreeMap,
    fmt, mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

/// Both accounts, which all workers share.
#[derive(Clone, Debug)]
pub struct InFlight {
    /// Request heads, request bodies and WebSocket messages whose end has not come.
    pub input: Account,
    /// Answers and messages that clients have not taken.
    pub output: Account,
}

/// What all clients hold of one kind; cloning gives another handle.
#[derive(Clone)]
pub struct Account(Arc<Shared>);

struct Shared {
    setting: &'static str,
    bytes_max: usize,
    holders: Mutex<Holders>,
}

#[derive(Default)]
struct Holders {
    /// The sum of the sizes in `holders`, at most `bytes_max`.
    held: usize,
    /// By size, then by age. A holder that was asked to give way has been removed.
    holders: BTreeMap<Key, Arc<Notice>>,
    opened: u64,
}

type Key = (usize, u64);

/// Asks a holder to give way.
#[derive(Debug, Default)]
struct Notice {
    is_given: AtomicBool,
    waker: AtomicWaker,
}

/// What one connection or request holds; dropped, it is free again.
#[derive(Debug)]
pub(crate) struct Held {
    account: Account,
    /// `None` up to `SMALL_BYTES`.
    entry: Option<(Key, Arc<Notice>)>,
}

/// Why bytes may not be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Full {
    /// It is more than one may have.
    #[error("this would use {bytes} bytes; one client may use {share}, a quarter of {setting}")]
    Share { setting: &'static str, share: usize, bytes: usize },
    /// The account is full, and no other holder holds more.
    #[error(
        "all clients together use the {bytes_max} bytes of {setting}, and this client uses the \
        most; try again in a moment"
    )]
    Greediest { setting: &'static str, bytes_max: usize },
}

impl Full {
    /// The same for a close frame, which holds 123 bytes.
    pub(crate) fn in_short(&self) -> String {
        match self {
            Self::Share { setting, share, .. } => {
                format!("unfinished data of more than {share} bytes, a quarter of {setting}")
            }
            Self::Greediest { setting, .. } => {
                format!("{setting} is reached, and this connection uses the most; try again later")
            }
        }
    }
}

impl InFlight {
    /// Two accounts of the given numbers of bytes.
    pub fn new(input_bytes_max: usize, output_bytes_max: usize) -> Self {
        Self {
            input: Account::new("input_bytes_max", input_bytes_max),
            output: Account::new("output_bytes_max", output_bytes_max),
        }
    }
}

impl Account {
    fn new(setting: &'static str, bytes_max: usize) -> Self {
        Self(Arc::new(Shared { setting, bytes_max, holders: Mutex::default() }))
    }

    /// Begins to hold, nothing as yet.
    pub(crate) fn open(&self) -> Held {
        Held { account: self.clone(), entry: None }
    }

    /// Whether so much would be taken if it were held now.
    ///
    /// # Errors
    ///
    /// It would not.
    pub(crate) fn check(&self, bytes: usize) -> Result<(), Full> {
        let holders = self.holders();
        let has_room = holders.held.saturating_add(bytes) <= self.0.bytes_max;
        if has_room || holders.greediest().is_some_and(|(held, _)| held > bytes) {
            return Ok(());
        }
        Err(self.greediest())
    }

    /// What may be held, in bytes.
    pub(crate) fn bytes_max(&self) -> usize {
        self.0.bytes_max
    }

    /// What is held now, in bytes.
    pub(crate) fn held(&self) -> usize {
        self.holders().held
    }

    fn greediest(&self) -> Full {
        Full::Greediest { setting: self.0.setting, bytes_max: self.0.bytes_max }
    }

    fn holders(&self) -> MutexGuard<'_, Holders> {
        self.0.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Holders {
    fn greediest(&self) -> Option<Key> {
        self.holders.last_key_value().map(|(key, _)| *key)
    }

    fn remove(&mut self, key: Key) -> Option<Arc<Notice>> {
        let notice = self.holders.remove(&key)?;
        self.held -= key.0;
        self.check_if_small();
        Some(notice)
    }

    /// Checks in debug builds that what is held is what the holders hold, as long as those are few.
    fn check_if_small(&self) {
        if cfg!(debug_assertions) && self.holders.len() <= CHECKED_MAX {
            let held: usize = self.holders.keys().map(|(held, _)| held).sum();
            assert_eq!(held, self.held, "bytes of all holders");
        }
    }
}

impl Held {
    /// Holds `bytes` from now on, more or fewer than before. Another holder, of more, may have to give way.
    ///
    /// # Errors
    ///
    /// One holder may not hold that much, or the account is full and no other holder holds more, or this holder was
    /// asked to give way. It holds as much as before.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), Full> {
        if bytes <= SMALL_BYTES {
            self.let_go();
            return Ok(());
        }
        let Shared { setting, bytes_max, .. } = *self.account.0;
        let (share, before) = (bytes_max / SHARE, self.entry.as_ref().map(|(key, _)| *key));
        match &self.entry {
            Some((_, notice)) if notice.is_given() => return Err(self.account.greediest()),
            Some(((held, _), _)) if *held == bytes => return Ok(()),
            _ if bytes > share => return Err(Full::Share { setting, share, bytes }),
            _ => {}
        }
        let mut holders = self.account.holders();
        let own =
            before.filter(|key| holders.holders.contains_key(key)).map_or(0, |(held, _)| held);
        let mut gives_way = None;
        if holders.held - own + bytes > bytes_max {
            // One that holds more is enough.
            let greediest = holders.greediest().filter(|key| key.0 > bytes && Some(*key) != before);
            let Some(notice) = greediest.and_then(|key| holders.remove(key)) else {
                return Err(self.account.greediest());
            };
            gives_way = Some(notice);
        }
        let known = before.and_then(|key| Some((key.1, holders.remove(key)?)));
        let (number, notice) = known.unwrap_or_else(|| {
            holders.opened += 1;
            (holders.opened, Arc::default())
        });
        holders.held += bytes;
        holders.holders.insert((bytes, number), Arc::clone(&notice));
        holders.check_if_small();
        drop(holders);
        self.entry = Some(((bytes, number), notice));
        if let Some(notice) = gives_way {
            notice.give();
        }
        Ok(())
    }

    /// Ready once this has to give way; until then the waker is kept for as long as something is held.
    pub(crate) fn poll_notice(&self, context: &Context<'_>) -> Poll<Full> {
        let Some((_, notice)) = &self.entry else { return Poll::Pending };
        notice.waker.register(context.waker());
        if notice.is_given() { Poll::Ready(self.account.greediest()) } else { Poll::Pending }
    }

    /// Whether nothing is held on the account.
    pub(crate) fn is_nothing(&self) -> bool {
        self.entry.is_none()
    }

    /// Holds nothing any more.
    pub(crate) fn let_go(&mut self) {
        if let Some((key, _)) = mem::take(&mut self.entry) {
            self.account.holders().remove(key);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.let_go();
    }
}

impl Notice {
    fn give(&self) {
        self.is_given.store(true, Ordering::Release);
        self.waker.wake();
    }

    fn is_given(&self) -> bool {
        self.is_given.load(Ordering::Acquire)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { setting, bytes_max, .. } = &*self.0;
        formatter.debug_tuple("Account").field(setting).field(bytes_max).finish()
    }
}

/// Holders up to which all of them are looked at whenever one changes, in debug builds.
const CHECKED_MAX: usize = 16;

/// One client may hold this part of the whole.
pub(crate) const SHARE: usize = 4;

/// Bytes that are on no account: about what a connection's own buffers take, and more than most requests are long.
pub(crate) const SMALL_BYTES: usize = 4 << 10;

#[cfg(test)]
mod tests;
