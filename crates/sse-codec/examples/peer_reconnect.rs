//! The example `reconnect` with `sseer`, to be compared. `reqwest-eventsource` is used in the same way; it needs an older
//! `reqwest`, so it is not built here.

use futures_util::StreamExt as _;
use sseer::{EventSource, reqwest::StreamEvent};
use std::{env, error::Error};

pub(crate) async fn follow(url: String, mut say: impl FnMut(&str)) -> Result<(), Box<dyn Error>> {
    let mut events = EventSource::new(reqwest::Client::new().get(url))?;
    while let Some(event) = events.next().await {
        match event {
            Ok(StreamEvent::Open) => {}
            Ok(StreamEvent::Event(event)) => say(&event.data),
            Err(error) if error.is_response_err() => break,
            Err(_) => {}
        }
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    follow(env::args().nth(1).unwrap_or_default(), |data| println!("{data}")).await
}
