//! Questions to all workers about their connections: who is connected, how far they are, and that one has to end.
//!
//! No table of all connections is kept, which each opening and each delivery would have to change. Each worker is asked through
//! an inbox instead, and looks at its own connections, a bounded number at a time (`worker_loop::inquiries`).

use std::{
    cell::Cell,
    fmt,
    net::IpAddr,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};
use tidewire_broker::{ChannelName, Pattern};
use tokio::sync::{mpsc, oneshot};

/// The inboxes of all workers; cloning gives another handle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workers(Arc<Mutex<Vec<mpsc::Sender<Inquiry>>>>);

/// A worker's end: what it is asked, and by which number it is known.
pub(crate) struct InquiryInbox {
    pub(crate) number: u32,
    /// Gone once the worker has a task that answers them.
    pub(crate) inquiries: Cell<Option<mpsc::Receiver<Inquiry>>>,
}

/// What a worker is asked.
#[derive(Debug)]
pub(crate) enum Inquiry {
    /// Which of its connections are wanted?
    List(Arc<Wanted>, oneshot::Sender<List>),
    /// How many of them have passed a message?
    Reach(Arc<Passage>, oneshot::Sender<Reach>),
    /// End this one, and say the offset of its place.
    Disconnect(ConnectionId, oneshot::Sender<Option<u64>>),
}

/// The public name of a connection: its worker, its waiter there, and the how-manieth connection of the worker it was.
///
/// It is no secret and proves nothing, unlike the name by which a client renews its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnectionId {
    pub(crate) worker: u32,
    pub(crate) waiter: u32,
    pub(crate) serial: u32,
}

/// Where a connection comes in the list: by its place in the log, so that the one furthest behind is the first.
///
/// A place only moves forward. So a list that is read in pages misses none of those that were there from the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ListKey {
    pub(crate) offset: u64,
    pub(crate) id: ConnectionId,
}

/// Which connections are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Of the holder of a token with this subject.
    pub(crate) user: Option<String>,
    /// That follow this: a channel, by its name or by a pattern that selects it, or exactly this pattern.
    pub(crate) channel: Option<Pattern>,
    /// By this transport.
    pub(crate) transport: Option<String>,
    /// That come after this one.
    pub(crate) after: Option<ListKey>,
    /// How many.
    pub(crate) limit: usize,
}

/// The first of the connections that are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct List {
    /// In their order.
    pub(crate) connections: Vec<Listed>,
    /// How many there are in all, of which some come before or after.
    pub(crate) total: usize,
    /// How many there are from `after` on.
    pub(crate) left: usize,
}

/// A connection as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) key: ListKey,
    pub(crate) transport: &'static str,
    pub(crate) dialect: &'static str,
    pub(crate) address: Option<IpAddr>,
    pub(crate) user: Option<Arc<str>>,
    /// Some of what it follows,
    pub(crate) channels: Vec<String>,
    /// and how much that is.
    pub(crate) channel_count: usize,
    /// In seconds since the Unix epoch.
    pub(crate) opened_s: u32,
}

/// A message that connections come to pass.
#[derive(Clone, Debug)]
pub(crate) struct Passage {
    pub(crate) channel: ChannelName,
    pub(crate) offset: u64,
}

/// How many of the connections that follow a channel have passed a message of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) passed: usize,
    pub(crate) behind: usize,
}

/// A worker has too much of this to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Busy;

impl Workers {
    /// An inbox for one more worker.
    pub(crate) fn open_inbox(&self) -> InquiryInbox {
        let (sender, inquiries) = mpsc::channel(WAITING_MAX);
        let mut senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        senders.push(sender);
        let number = u32::try_from(senders.len() - 1).unwrap_or(u32::MAX);
        InquiryInbox { number, inquiries: Cell::new(Some(inquiries)) }
    }

    /// The first of all connections that are wanted.
    ///
    /// # Errors
    ///
    /// A worker is asked too much.
    pub(crate) async fn list(&self, wanted: Wanted) -> Result<List, Busy> {
        let (limit, wanted) = (wanted.limit, Arc::new(wanted));
        let lists = self.ask(|answer| Inquiry::List(Arc::clone(&wanted), answer)).await?;
        let mut all = List::default();
        for List { connections, total, left } in lists {
            all.connections.extend(connections);
            (all.total, all.left) = (all.total + total, all.left + left);
        }
        all.connections.sort_by_key(|listed| listed.key);
        all.connections.truncate(limit);
        Ok(all)
    }

    /// How many connections have passed a message.
    ///
    /// # Errors
    ///
    /// A worker is asked too much.
    pub(crate) async fn reach(&self, passage: Passage) -> Result<Reach, Busy> {
        let passage = Arc::new(passage);
        let parts = self.ask(|answer| Inquiry::Reach(Arc::clone(&passage), answer)).await?;
        Ok(parts.into_iter().fold(Reach::default(), |all, part| Reach {
            passed: all.passed + part.passed,
            behind: all.behind + part.behind,
        }))
    }

    /// Ends a connection, and returns the offset of its place; `None` if there is no such connection.
    ///
    /// # Errors
    ///
    /// Its worker is asked too much.
    pub(crate) async fn disconnect(&self, id: ConnectionId) -> Result<Option<u64>, Busy> {
        let sender = usize::try_from(id.worker).ok().and_then(|at| self.senders().get(at).cloned());
        let Some(sender) = sender else { return Ok(None) };
        let (answer, answered) = oneshot::channel();
        match sender.try_send(Inquiry::Disconnect(id, answer)) {
            Err(mpsc::error::TrySendError::Full(_)) => Err(Busy),
            // The worker has ended, and its connections with it.
            Err(mpsc::error::TrySendError::Closed(_)) => Ok(None),
            Ok(()) => Ok(answered.await.unwrap_or(None)),
        }
    }

    /// Asks every worker. One that ends before it has answered has no connections any more.
    async fn ask<T>(&self, ask: impl Fn(oneshot::Sender<T>) -> Inquiry) -> Result<Vec<T>, Busy> {
        let mut waiting = Vec::new();
        for sender in self.senders() {
            let (answer, answered) = oneshot::channel();
            match sender.try_send(ask(answer)) {
                Err(mpsc::error::TrySendError::Full(_)) => return Err(Busy),
                Err(mpsc::error::TrySendError::Closed(_)) => {}
                Ok(()) => waiting.push(answered),
            }
        }
        let mut answers = Vec::with_capacity(waiting.len());
        for answered in waiting {
            answers.extend(answered.await);
        }
        Ok(answers)
    }

    #[cfg(test)]
    pub(crate) fn senders_for_tests(&self) -> Vec<mpsc::Sender<Inquiry>> {
        self.senders()
    }

    fn senders(&self) -> Vec<mpsc::Sender<Inquiry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { worker, waiter, serial } = self;
        write!(formatter, "{worker}-{waiter}-{serial}")
    }
}

impl FromStr for ConnectionId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('-').map(number);
        let mut next = || parts.next().flatten().ok_or(());
        let (worker, waiter, serial) = (next()?, next()?, next()?);
        match parts.next() {
            None => Ok(Self { worker, waiter, serial }),
            Some(_) => Err(()),
        }
    }
}

impl fmt::Display for ListKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.offset, self.id)
    }
}

impl FromStr for ListKey {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (offset, id) = text.split_once('-').ok_or(())?;
        Ok(Self { offset: number(offset).ok_or(())?, id: id.parse()? })
    }
}

/// Digits alone: not the sign that numbers may have elsewhere.
fn number<T: FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Inquiries that may wait for one worker: operators ask now and then.
const WAITING_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_place_in_the_list_are_read_as_they_are_written() {
        let id = ConnectionId { worker: 1, waiter: 20, serial: 300 };
        let key = ListKey { offset: u64::MAX, id };
        assert_eq!((id.to_string(), id.to_string().parse()), ("1-20-300".to_owned(), Ok(id)));
        assert_eq!(key.to_string().parse(), Ok(key));
        for text in ["", "1", "1-2", "1-2-", "1-2-+3", "1-2-3-4", "1-2-4294967296", "a-2-3"] {
            assert_eq!(text.parse::<ConnectionId>(), Err(()), "{text}");
        }
        assert_eq!("5".parse::<ListKey>(), Err(()));
    }
}
