//! A client that comes back: it goes on after the last event that it has seen.
//!
//! `cargo run -p tidewire-sse --features reqwest --example reconnect -- http://127.0.0.1:8080/events?channel=chat`

use futures_util::TryStreamExt as _;
use sse_codec::source::EventSource;
use std::{env, error::Error};

pub(crate) async fn follow(url: String, mut say: impl FnMut(&str)) -> Result<(), Box<dyn Error>> {
    let mut events = EventSource::get(url);
    while let Some(event) = events.try_next().await? {
        say(event.data());
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    follow(env::args().nth(1).unwrap_or_default(), |data| println!("{data}")).await
}
