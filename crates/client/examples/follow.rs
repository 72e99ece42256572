//! Prints what comes on the channels and patterns it is given, from the last five minutes on:
//! `cargo run -p tidewire-client --example follow -- 'chat.*'`.
//!
//! Restart the server meanwhile: it comes back by itself, and says what was lost.

use futures_util::StreamExt as _;
use std::error::Error;
use tidewire_client::{Client, Delivery, Since};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::new("http://127.0.0.1:8080")?;
    let since: Since = "5m".parse()?;
    let mut deliveries =
        client.subscribe_raw(std::env::args().skip(1).collect::<Vec<_>>()).since(since).stream();
    while let Some(delivery) = deliveries.next().await {
        match delivery? {
            Delivery::Message(message) => {
                let payload = message.bytes().unwrap_or_default();
                println!("{}\t{}", message.channel, String::from_utf8_lossy(&payload));
            }
            Delivery::Gap(gap) => {
                eprintln!("{}: messages between {} and {} are gone", gap.channel, gap.from, gap.to);
            }
        }
    }
    Ok(())
}
