//! A compacted channel as a map that is kept up to date, and the members of a channel as such a map.

use crate::{Client, Delivery, SubscribeError, Subscription};
use futures_util::Stream as _;
use serde::de::DeserializeOwned;
use std::{
    collections::{BTreeMap, BTreeSet, btree_map},
    future::poll_fn,
    pin::Pin,
    task::Poll,
};
use tidewire_protocol::{Member, Message as RawMessage, Since};

/// The last value of each key of a compacted channel, across lost connections and lost messages.
///
/// The map changes only in [`changed`](Self::changed). Until it [is current](Self::is_current) for the first time, keys may
/// be missing.
#[derive(Debug)]
pub struct LiveMap<T> {
    client: Client,
    channel: String,
    subscription: Subscription,
    entries: BTreeMap<String, T>,
    /// While the state is read: the keys that it has, so far.
    confirmed: Option<BTreeSet<String>>,
}

/// Who is subscribed to a channel with presence, by the name of the connection.
pub type LivePresence = LiveMap<Member>;

/// What has changed in a [`LiveMap`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This key has a new value.
    Set(String),
    /// This key is no longer there.
    Removed(String),
    /// Everything that the server has is in the map now: at the beginning, and after messages were lost. Keys that were
    /// removed meanwhile are gone.
    Current,
}

impl Client {
    /// A compacted channel as a map, whose values are JSON of the type `T`. The client has to be allowed to read history.
    ///
    /// ```no_run
    /// use tidewire_client::{Change, Client};
    ///
    /// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut prices = client.map::<f64>("prices");
    /// loop {
    ///     match prices.changed().await? {
    ///         Change::Set(key) => println!("{key} costs {:?}", prices.get(&key)),
    ///         Change::Removed(key) => println!("{key} is sold out"),
    ///         Change::Current => println!("{} prices", prices.len()),
    ///     }
    /// }
    /// # }
    /// ```
    pub fn map<T>(&self, channel: impl Into<String>) -> LiveMap<T> {
        let channel = channel.into();
        LiveMap {
            subscription: subscribe(self, &channel),
            client: self.clone(),
            channel,
            entries: BTreeMap::new(),
            confirmed: Some(BTreeSet::new()),
        }
    }

    /// The members of a channel with presence, kept up to date. To be one of them, subscribe to the channel.
    pub fn live_presence(&self, channel: &str) -> LivePresence {
        self.map(format!("$presence.{channel}"))
    }
}

impl<T: DeserializeOwned> LiveMap<T> {
    /// Waits for a change, and makes it. May be dropped and called again.
    ///
    /// # Errors
    ///
    /// The subscription has ended; or a value is not a `T`. That key is removed then, and the map goes on.
    pub async fn changed(&mut self) -> Result<Change, SubscribeError> {
        loop {
            if self.confirmed.is_some() && self.subscription.is_joined() {
                self.complete();
                return Ok(Change::Current);
            }
            let delivery = poll_fn(|cx| {
                let polled = Pin::new(&mut self.subscription).poll_next(cx);
                let is_complete = self.confirmed.is_some() && self.subscription.is_joined();
                match polled {
                    Poll::Ready(delivery) => Poll::Ready(Some(delivery)),
                    Poll::Pending if is_complete => Poll::Ready(None),
                    Poll::Pending => Poll::Pending,
                }
            });
            match delivery.await {
                None => {}
                Some(None) => return Err(SubscribeError::Ended),
                Some(Some(Err(error))) => return Err(error),
                Some(Some(Ok(Delivery::Gap(_)))) => self.begin_again(),
                Some(Some(Ok(Delivery::Message(message)))) => {
                    if let Some(change) = self.apply(message).transpose() {
                        return change;
                    }
                }
            }
        }
    }

    fn apply(&mut self, message: RawMessage) -> Result<Option<Change>, SubscribeError> {
        // A message without a key was published before the channel was compacted.
        let Some(key) = message.key.clone() else { return Ok(None) };
        if message.is_tombstone() {
            self.confirmed.iter_mut().for_each(|confirmed| _ = confirmed.remove(&key));
            return Ok(self.entries.remove(&key).map(|_| Change::Removed(key)));
        }
        match message.json() {
            Ok(value) => {
                self.confirmed.iter_mut().for_each(|confirmed| _ = confirmed.insert(key.clone()));
                self.entries.insert(key.clone(), value);
                Ok(Some(Change::Set(key)))
            }
            Err(error) => {
                self.entries.remove(&key);
                Err(SubscribeError::undecodable(message, &error))
            }
        }
    }

    /// Removals may be among what was lost, so the state is read once more. What is in the map stays until then.
    fn begin_again(&mut self) {
        self.subscription = subscribe(&self.client, &self.channel);
        self.confirmed = Some(BTreeSet::new());
    }

    fn complete(&mut self) {
        if let Some(confirmed) = self.confirmed.take() {
            self.entries.retain(|key, _| confirmed.contains(key));
        }
    }
}

impl<T> LiveMap<T> {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&T> {
        self.entries.get(key)
    }

    /// All keys with their values, in the order of the keys.
    pub fn iter(&self) -> btree_map::Iter<'_, String, T> {
        self.entries.iter()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether it has had everything since it began, or since messages were lost. Ask
    /// [the subscription](Self::subscription) whether there is a connection.
    pub const fn is_current(&self) -> bool {
        self.confirmed.is_none()
    }

    /// Where its changes come from: its position, and the state of its connection.
    pub const fn subscription(&self) -> &Subscription {
        &self.subscription
    }
}

fn subscribe(client: &Client, channel: &str) -> Subscription {
    client.subscribe_raw(channel).since(Since::Earliest).paged().stream()
}
