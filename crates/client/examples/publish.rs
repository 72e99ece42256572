//! Publishes text, JSON and bytes, and prints where each stands in the log:
//! `cargo run -p tidewire-client --example publish`.

use std::{error::Error, time::Duration};
use tidewire_client::Client;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let client =
        Client::builder("http://127.0.0.1:8080").request_timeout(Duration::from_secs(5)).build()?;

    let position = client.publish("chat.room1").text("hi").event("said").send().await?;
    println!("text {position}");

    // In one request and in this order; each is accepted or refused for itself.
    let results = client
        .publish_batch([
            client.publish("chat.room1").json(&["one", "two"])?,
            client.publish("chat.room2").bytes([0, 255]),
            client.publish("no such channel").text("refused"),
        ])
        .await?;
    for result in results {
        match result {
            Ok(position) => println!("batch {position}"),
            Err(refusal) => println!("batch refused: {refusal}"),
        }
    }
    Ok(())
}
