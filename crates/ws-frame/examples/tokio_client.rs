//! A client over tokio: `cargo run -p tidewire-ws --example tokio_client --features tokio`.
use ws_frame::{CloseCode, tokio::WebSocket};

pub(crate) async fn hello(url: &str) -> Result<(), ws_frame::Error> {
    let mut socket = WebSocket::connect(url).await?;
    socket.send("Hello").await?;
    println!("{:?}", socket.receive().await?);
    socket.close(CloseCode::NORMAL, "").await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), ws_frame::Error> {
    hello("ws://127.0.0.1:9001").await
}
