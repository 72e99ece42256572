//! A function that returns a stream of what events say, and keeps the errors apart.
//!
//! `cargo run -p tidewire-sse --features reqwest --example prices -- http://127.0.0.1:8080/prices`

use futures_util::{Stream, TryStreamExt as _, pin_mut};
use sse_codec::{EventStreamError, EventsExt as _};
use std::{env, error::Error};

pub(crate) async fn prices(
    url: String,
) -> reqwest::Result<impl Stream<Item = Result<f64, EventStreamError<reqwest::Error>>>> {
    let events = reqwest::get(url).await?.error_for_status()?.bytes_stream().events();
    Ok(events.try_filter_map(|event| async move { Ok(event.data().parse().ok()) }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let prices = prices(env::args().nth(1).unwrap_or_default()).await?;
    pin_mut!(prices);
    while let Some(price) = prices.try_next().await? {
        println!("{price}");
    }
    Ok(())
}
