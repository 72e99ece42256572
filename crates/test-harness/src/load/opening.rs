//! Subscribers as bare as can be: a socket, a request, and the head of its response.

use anyhow::{Context as _, Result, ensure};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};

/// How messages come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Wire {
    /// Raw WebSocket: a frame is a payload
    Ws,
    /// WebSocket that speaks `tidewire.v1`
    Tidewire,
    /// Server-Sent Events: a chunk is an event
    Sse,
}

/// Subscribes to a channel, and returns what came after the response's head.
///
/// # Errors
///
/// The connection fails, or the response is a refusal.
pub async fn open(address: SocketAddr, wire: Wire, channel: &str) -> Result<(TcpStream, Vec<u8>)> {
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    open_over(socket, wire, channel).await
}

/// The same over a connection that is there.
///
/// # Errors
///
/// As for [`open`].
pub async fn open_over<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: S,
    wire: Wire,
    channel: &str,
) -> Result<(S, Vec<u8>)> {
    let (path, headers) = match wire {
        Wire::Sse => (format!("/events?channel={channel}"), ""),
        Wire::Ws => (format!("/ws?channel={channel}"), UPGRADE),
        Wire::Tidewire => ("/ws".to_owned(), UPGRADE_TO_TIDEWIRE),
    };
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    socket.write_all(request.as_bytes()).await?;
    if wire == Wire::Tidewire {
        let subscribe = format!(r#"{{"type":"subscribe","id":1,"channel":"{channel}"}}"#);
        let mut frame = Vec::new();
        ws_frame::encode_text(&subscribe, Some([1, 2, 3, 4]), &mut frame);
        socket.write_all(&frame).await?;
    }
    let mut came = Vec::new();
    let head_end = read_past(&mut socket, b"\r\n\r\n", &mut came).await?;
    let status = came.get(9..12).context("a response without a status")?;
    ensure!(status == b"101" || status == b"200", "{}", String::from_utf8_lossy(&came));
    match wire {
        Wire::Tidewire => read_past(&mut socket, br#""type":"subscribed""#, &mut came).await?,
        // The opening block: from then on it follows.
        Wire::Sse => read_past(&mut socket, b"id:", &mut came).await?,
        Wire::Ws => head_end,
    };
    Ok((socket, came.split_off(head_end)))
}

/// Reads until `mark` has come, and returns where it ends.
async fn read_past(
    socket: &mut (impl AsyncRead + Unpin),
    mark: &[u8],
    came: &mut Vec<u8>,
) -> Result<usize> {
    loop {
        if let Some(at) = find(came, mark) {
            return Ok(at + mark.len());
        }
        ensure!(socket.read_buf(came).await? > 0, "closed too early");
    }
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|window| window == mark)
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const UPGRADE_TO_TIDEWIRE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: tidewire.v1\r\n";
