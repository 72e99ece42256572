//! A subscriber that comes back: whatever ends its connection, it opens another where it was.

use super::{Message, Received, Subscriber, Wire};
use anyhow::{Result, bail};
use std::{collections::VecDeque, net::SocketAddr, time::Duration};
use tokio::time::{sleep, timeout};

/// One subscription over any number of connections.
#[derive(Debug)]
pub struct Follower {
    address: SocketAddr,
    channels: Vec<String>,
    /// Taken in turn, one a connection.
    wires: VecDeque<Wire>,
    connection: Option<Subscriber>,
    position: String,
    silence_max: Duration,
    /// How often it came back.
    pub returns: usize,
}

impl Follower {
    /// Follows `channels` over `wire` from `since` on; the connection is opened when needed.
    pub fn new(address: SocketAddr, channels: &[&str], wire: Wire, since: &str) -> Self {
        Self {
            address,
            channels: channels.iter().map(|&channel| channel.to_owned()).collect(),
            wires: [wire].into(),
            connection: None,
            position: since.to_owned(),
            silence_max: Duration::from_secs(20),
            returns: 0,
        }
    }

    /// Takes another of these wires for each connection.
    pub fn over(mut self, wires: impl IntoIterator<Item = Wire>) -> Self {
        self.wires = wires.into_iter().collect();
        self
    }

    /// Takes a connection on which nothing comes for that long for dead.
    pub fn silence_max(mut self, silence_max: Duration) -> Self {
        self.silence_max = silence_max;
        self
    }

    /// The next `count` messages, over as many connections as it takes.
    ///
    /// # Errors
    ///
    /// A gap notice came, or the server could not be reached for a long time.
    pub async fn messages(&mut self, count: usize) -> Result<Vec<Message>> {
        let mut messages = Vec::with_capacity(count);
        while messages.len() < count {
            match self.next().await? {
                Received::Message(message) => messages.push(message),
                Received::Gap(gap) => bail!("after {} messages came {gap:?}", messages.len()),
            }
        }
        Ok(messages)
    }

    /// What comes next.
    ///
    /// # Errors
    ///
    /// The server could not be reached for long.
    pub async fn next(&mut self) -> Result<Received> {
        loop {
            let silence_max = self.silence_max;
            let connection = self.connection().await?;
            // An end, a break and silence come to the same: go on elsewhere.
            if let Ok(Ok(Some(received))) = timeout(silence_max, connection.next()).await {
                return Ok(received);
            }
            self.position = connection.position().to_owned();
            self.connection = None;
            self.returns += 1;
        }
    }

    async fn connection(&mut self) -> Result<&mut Subscriber> {
        if self.connection.is_none() {
            self.connection = Some(self.open().await?);
        }
        match &mut self.connection {
            Some(connection) => Ok(connection),
            None => bail!("no connection"),
        }
    }

    async fn open(&mut self) -> Result<Subscriber> {
        let channels: Vec<&str> = self.channels.iter().map(String::as_str).collect();
        let mut attempts = 0;
        loop {
            let wire = self.wires.pop_front().unwrap_or(Wire::Sse);
            self.wires.push_back(wire);
            let opening = Subscriber::open(wire, self.address, &channels, Some(&self.position));
            match timeout(self.silence_max, opening).await {
                Ok(Ok(subscriber)) => return Ok(subscriber),
                Ok(Err(error)) if attempts == ATTEMPTS_MAX => return Err(error),
                Err(_) if attempts == ATTEMPTS_MAX => bail!("{wire:?} is not opened in time"),
                Ok(Err(_)) | Err(_) => {
                    attempts += 1;
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

/// With the pause between them, more than any restart takes.
const ATTEMPTS_MAX: usize = 200;
const PAUSE: Duration = Duration::from_millis(50);
