//! Many WebSocket messages that do not come to their end: the greediest are closed with 1013, and small ones are
//! still published.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use std::time::Duration;
use tidewire_test_harness::{
    load::anonymous_bytes,
    peers::{
        http::publish,
        websocket::{Frame, Socket},
    },
    server::Server,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

#[tokio::test]
async fn unfinished_messages_are_bounded_together() -> Result<()> {
    within(90, async {
        let server = Server::start(&["--workers", "1", "--input-bytes-max", "32MiB"]).await?;
        let before = anonymous_bytes(server.id()?)?;
        let input = [HEAD, &vec![b'x'; BYTES - 1]].concat();
        let mut clients = Vec::new();
        for _ in 0..80 {
            let mut client = TcpStream::connect(server.address()).await?;
            client.write_all(HANDSHAKE).await?;
            timeout(Duration::from_secs(20), client.write_all(&input)).await??;
            clients.push(client);
        }
        // What came in small before all this is nobody's loss.
        let mut small = Socket::open(server.address(), "/ws?channel=a").await?;
        small.send(Frame::text("small")).await?;
        ensure!(small.frame().await? == Some(Frame::text("small")));
        publish(server.address(), "a", &"x".repeat(100_000)).await?;
        let grown = anonymous_bytes(server.id()?)?.saturating_sub(before);
        ensure!(grown < 48 << 20, "{} KiB are held", grown >> 10);
        let mut refused = 0;
        for mut client in clients {
            let mut came = Vec::new();
            let read = client.read_to_end(&mut came);
            if timeout(Duration::from_millis(300), read).await.is_ok() {
                let close =
                    came.windows(4).position(|bytes| bytes[0] == 0x88 && bytes[2..] == CODE);
                let reason = came.get(close.context("no close frame with 1013")? + 4..);
                let reason = String::from_utf8_lossy(reason.unwrap_or_default()).into_owned();
                ensure!(reason.starts_with("input_bytes_max is reached"), "{reason}");
                refused += 1;
            }
        }
        ensure!((40..80).contains(&refused), "{refused} of 80 are refused");
        Ok(())
    })
    .await
}

const HANDSHAKE: &[u8] = b"GET /ws?channel=idle HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// Of a masked text frame of a million bytes, whose mask is zero.
const HEAD: &[u8] = b"\x81\xff\x00\x00\x00\x00\x00\x0f\x42\x40\x00\x00\x00\x00";
const BYTES: usize = 1_000_000;
/// 1013, "try again later".
const CODE: [u8; 2] = [0x03, 0xf5];
