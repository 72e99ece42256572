//! A request to subscribe.

use crate::{Backoff, Client, Message, Wire, machine::LinkOptions};
use std::{marker::PhantomData, time::Duration};
use tidewire_protocol::{Message as RawMessage, Since};

/// A subscription about to begin.
#[must_use = "nothing is subscribed until its stream is polled"]
pub struct SubscribeRequest<M = RawMessage> {
    pub(crate) client: Client,
    pub(crate) channels: Vec<String>,
    pub(crate) since: Since,
    pub(crate) is_paged: bool,
    wire: Wire,
    heartbeat: Duration,
    backoff: Backoff,
    patience: Duration,
    attempts_max: u32,
    reads: PhantomData<fn() -> M>,
}

/// Channels and patterns: one, or several.
pub trait Channels {
    /// Their names.
    fn into_names(self) -> Vec<String>;
}

impl Client {
    /// Begins a subscription to channels and patterns, whose payloads are JSON of the type `T`.
    ///
    /// A message whose payload is of another shape is an error of the stream, [`Undecodable`], after which the stream goes
    /// on. To end with it, return the error, as `?` does.
    ///
    /// [`Undecodable`]: crate::SubscribeError::Undecodable
    ///
    /// ```no_run
    /// use futures_util::StreamExt;
    /// use tidewire_client::{Client, Delivery};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Order {
    ///     item: String,
    /// }
    ///
    /// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut orders = client.subscribe::<Order>("orders.>").stream();
    /// while let Some(delivery) = orders.next().await {
    ///     match delivery {
    ///         Ok(Delivery::Message(order)) => println!("{}: {}", order.channel, order.data.item),
    ///         Ok(Delivery::Gap(gap)) => println!("orders up to {} are lost", gap.to),
    ///         Err(error) if error.is_final() => return Err(error.into()),
    ///         Err(error) => eprintln!("{error}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn subscribe<T>(&self, channels: impl Channels) -> SubscribeRequest<Message<T>> {
        SubscribeRequest::new(self.clone(), channels.into_names())
    }

    /// The same, of messages as they come: JSON, text, bytes, or nothing.
    pub fn subscribe_raw(&self, channels: impl Channels) -> SubscribeRequest {
        SubscribeRequest::new(self.clone(), channels.into_names())
    }
}

impl<M> SubscribeRequest<M> {
    fn new(client: Client, channels: Vec<String>) -> Self {
        Self {
            client,
            channels,
            since: Since::Now,
            is_paged: false,
            wire: Wire::Auto,
            heartbeat: HEARTBEAT,
            backoff: Backoff::default(),
            patience: PATIENCE,
            attempts_max: u32::MAX,
            reads: PhantomData,
        }
    }

    /// Where to begin; at the head by default.
    pub fn since(mut self, since: Since) -> Self {
        self.since = since;
        self
    }

    /// How messages shall come. Subscriptions with the same wire, heartbeat, backoff, patience and attempts share one connection.
    pub fn wire(mut self, wire: Wire) -> Self {
        self.wire = wire;
        self
    }

    /// The server's heartbeat interval; 20 s by default. A connection on which nothing arrives for two and a
    /// half times as long is taken for dead.
    ///
    /// WebSocket and SSE say the server's value, which replaces this one.
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    /// How long to wait between attempts to connect.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// How long a transport may say nothing while it is opened, 3 s by default. Then the next one is tried, and this one is left
    /// alone for twenty times as long. If there is no other one, it gets more time with each attempt.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// After how many failures in a row to give up; by default it never does.
    pub fn attempts_max(mut self, attempts_max: u32) -> Self {
        self.attempts_max = attempts_max;
        self
    }

    /// Reads what is there already in pages of its own, so that the subscription knows when it has all of it.
    pub(crate) fn paged(mut self) -> Self {
        self.is_paged = true;
        self
    }

    /// What it has to have in common with others on one connection.
    pub(crate) fn options(&self) -> LinkOptions {
        LinkOptions {
            wire: self.wire,
            heartbeat: self.heartbeat,
            backoff: self.backoff,
            patience: self.patience,
            attempts_max: self.attempts_max,
            can_renew_token: self.client.tokens().can_renew(),
        }
    }
}

impl Channels for &str {
    fn into_names(self) -> Vec<String> {
        vec![self.to_owned()]
    }
}

impl Channels for String {
    fn into_names(self) -> Vec<String> {
        vec![self]
    }
}

impl Channels for &String {
    fn into_names(self) -> Vec<String> {
        vec![self.clone()]
    }
}

impl<S: Into<String>> Channels for Vec<S> {
    fn into_names(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<S: Into<String>, const N: usize> Channels for [S; N] {
    fn into_names(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<S: AsRef<str>> Channels for &[S] {
    fn into_names(self) -> Vec<String> {
        self.iter().map(|channel| channel.as_ref().to_owned()).collect()
    }
}

const HEARTBEAT: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(3);
