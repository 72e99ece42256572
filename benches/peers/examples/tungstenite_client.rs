//! The task of `ws-frame`'s example `tokio_client`, with tokio-tungstenite.
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::{Error, Message};

async fn hello(url: &str) -> Result<(), Error> {
    let (mut socket, _) = connect_async(url).await?;
    socket.send(Message::text("Hello")).await?;
    println!("{:?}", socket.next().await.transpose()?);
    socket.close(None).await?;
    while let Some(message) = socket.next().await {
        message?;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    hello("ws://127.0.0.1:9001").await
}
