//! Copies channels from one server to another, each message once, across restarts of either server and of itself.
//!
//! ```sh
//! cargo run -p tidewire-client --example bridge -- http://one:8080 http://other:8080 position.txt 'orders.>'
//! ```
//!
//! The id of a copy is the position of its original. The position in the file moves after the copy is confirmed. So a message
//! whose confirmation was lost is sent again with the same id, and the other server recognises it, within the time for which it
//! [remembers ids](https://github.com/tidewire/tidewire/blob/main/docs/deduplication.md).

use futures_util::StreamExt as _;
use std::{collections::VecDeque, env, error::Error, fs, future::pending, io, path::Path};
use tidewire_client::{
    Bookmark, Client, Delivery, Position, PublishError, PublishRequest, RawMessage, Receipt, Since,
};
use tokio::select;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [from, to, file, channels @ ..] = arguments.as_slice() else {
        return Err("usage: bridge FROM TO FILE PATTERN...".into());
    };
    let file = Path::new(file);
    let (from, to) = (Client::new(from)?, Client::new(to)?);
    let outbox = to.outbox(UNDER_WAY_MAX);
    let mut messages = from.subscribe_raw(channels).since(stored(file)?).stream();
    // Confirmations come in the order of the messages.
    let mut under_way: VecDeque<(Option<Bookmark>, Receipt)> = VecDeque::new();
    loop {
        select! {
            message = messages.next(), if under_way.len() < UNDER_WAY_MAX => match message {
                Some(Ok(Delivery::Message(message))) => {
                    let receipt = outbox.publish(copy(&to, &message)?)?;
                    under_way.push_back((messages.position(), receipt));
                }
                Some(Ok(Delivery::Gap(gap))) => {
                    eprintln!("{}: messages between {} and {} are lost", gap.channel, gap.from, gap.to);
                }
                Some(Err(error)) => return Err(error.into()),
                None => return Ok(()),
            },
            confirmed = first(&mut under_way) => {
                confirmed?;
                if let Some((Some(position), _)) = under_way.pop_front() {
                    store(file, position)?;
                }
            }
        }
    }
}

/// The confirmation of the first message that has none yet.
async fn first(
    under_way: &mut VecDeque<(Option<Bookmark>, Receipt)>,
) -> Result<Position, PublishError> {
    match under_way.front_mut() {
        Some((_, receipt)) => receipt.await,
        None => pending().await,
    }
}

/// The same message, with its position as the id.
fn copy(to: &Client, message: &RawMessage) -> Result<PublishRequest, Box<dyn Error>> {
    let mut copy = to.publish(&*message.channel).message_id(message.position.to_string());
    if let Some(event) = &message.event {
        copy = copy.event(event);
    }
    if let Some(key) = &message.key {
        copy = copy.key(key);
    }
    Ok(match (&message.encoding, &message.data) {
        (Some(_), _) => copy.bytes(message.bytes().unwrap_or_default().into_owned()),
        (None, Some(data)) => copy.json(data)?,
        // A removal.
        (None, None) => copy,
    })
}

/// Where it was, or the beginning of what the server has.
fn stored(file: &Path) -> Result<Since, Box<dyn Error>> {
    match fs::read_to_string(file) {
        Ok(position) => Ok(position.trim().parse()?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Since::Earliest),
        Err(error) => Err(error.into()),
    }
}

/// Replaces the file at once, so that it is never half written.
fn store(file: &Path, position: Bookmark) -> io::Result<()> {
    let next = file.with_extension("next");
    fs::write(&next, position.to_string())?;
    fs::rename(next, file)
}

/// Messages that are sent and not confirmed.
const UNDER_WAY_MAX: usize = 100;
