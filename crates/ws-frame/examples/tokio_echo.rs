//! An echo server over tokio: `cargo run -p tidewire-ws --example tokio_echo --features tokio`.
use tokio::net::{TcpListener, TcpStream};
use ws_frame::tokio::WebSocket;

pub(crate) async fn echo(stream: TcpStream) -> Result<(), ws_frame::Error> {
    stream.set_nodelay(true)?;
    let mut socket = WebSocket::accept(stream).await?;
    while let Some(message) = socket.receive().await? {
        socket.send(message).await?;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:9001").await?;
    loop {
        tokio::spawn(echo(listener.accept().await?.0));
    }
}
