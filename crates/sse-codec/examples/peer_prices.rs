//! The example `prices` with `eventsource-stream`, to be compared.

use eventsource_stream::{EventStreamError, Eventsource as _};
use futures_util::{Stream, TryStreamExt as _, pin_mut};
use std::{env, error::Error};

pub(crate) async fn prices(
    url: String,
) -> reqwest::Result<impl Stream<Item = Result<f64, EventStreamError<reqwest::Error>>>> {
    let events = reqwest::get(url).await?.error_for_status()?.bytes_stream().eventsource();
    Ok(events.try_filter_map(|event| async move { Ok(event.data.parse().ok()) }))
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
