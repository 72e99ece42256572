//! A client that blocks: `cargo run -p tidewire-ws --example blocking_client --features blocking`.
use ws_frame::{CloseCode, blocking::WebSocket};

pub(crate) fn hello(url: &str) -> Result<(), ws_frame::Error> {
    let mut socket = WebSocket::connect(url)?;
    socket.send("Hello")?;
    println!("{:?}", socket.receive()?);
    socket.close(CloseCode::NORMAL, "")
}

fn main() -> Result<(), ws_frame::Error> {
    hello("ws://127.0.0.1:9001")
}
