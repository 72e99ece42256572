//! The server that the Autobahn test suite examines: it echoes over tokio, compressed if the client
//! offers that.
//!
//! `cargo run -p tidewire-ws --example autobahn_server --features deflate,tokio -- 127.0.0.1:9001`, and
//! `kosoku --mode fuzzingclient ws://127.0.0.1:9001` or `wstest`. `cargo xtask autobahn` does both.

use std::time::Duration;
use std::{env, io};

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use ws_frame::deflate::{Config, Context, Direction, Level, WindowBits};
use ws_frame::{Error, Options, tokio::WebSocket};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on ws://{}", listener.local_addr()?);
    loop {
        let stream = listener.accept().await?.0;
        tokio::spawn(async move {
            if let Err(error) = serve(stream).await {
                println!("{error:?}");
            }
        });
    }
}

async fn serve(stream: TcpStream) -> Result<(), Error> {
    // A small answer does not wait for the one before it to be acknowledged.
    stream.set_nodelay(true)?;
    let options = Options::default().compress(COMPRESSION, Level::DEFAULT);
    let mut socket = WebSocket::accept_with(stream, &options, |_| Ok(())).await?;
    let echoed = echo(&mut socket).await;
    // To hang up on bytes unread resets the connection, which may take from the peer what it has not read
    // yet, the close frame last of all.
    let mut rest = socket.into_inner();
    let drained = async { while rest.read(&mut [0; 4 << 10]).await.is_ok_and(|read| read > 0) {} };
    let _ = timeout(HANG_UP_WAIT, drained).await;
    echoed
}

async fn echo(socket: &mut WebSocket<TcpStream>) -> Result<(), Error> {
    while let Some(message) = socket.receive().await? {
        socket.send(message).await?;
    }
    Ok(())
}

/// Messages may refer to earlier ones, since a connection has its compressor for itself.
const COMPRESSION: Config = Config { server: TAKEN_OVER, client: TAKEN_OVER };
const TAKEN_OVER: Direction =
    Direction { context: Context::TakenOver, window_bits: WindowBits::MAX };

/// How long a peer may keep silent before it ends its side.
const HANG_UP_WAIT: Duration = Duration::from_secs(1);
