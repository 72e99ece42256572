//! An echo server on threads: `cargo run -p tidewire-ws --example blocking_echo --features blocking`.
use std::net::{TcpListener, TcpStream};
use ws_frame::blocking::WebSocket;

pub(crate) fn echo(stream: TcpStream) -> Result<(), ws_frame::Error> {
    stream.set_nodelay(true)?;
    let mut socket = WebSocket::accept(stream)?;
    while let Some(message) = socket.receive()? {
        socket.send(message)?;
    }
    Ok(())
}

fn main() -> std::io::Result<()> {
    for stream in TcpListener::bind("127.0.0.1:9001")?.incoming() {
        let stream = stream?;
        std::thread::spawn(move || echo(stream));
    }
    Ok(())
}
