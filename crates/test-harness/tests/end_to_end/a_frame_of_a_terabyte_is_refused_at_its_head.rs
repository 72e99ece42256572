//! A frame header that declares 2^40 bytes: closed with 1009 at once, nothing allocated.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use std::time::Duration;
use tidewire_test_harness::{
    peers::{Subscriber, Wire, http::publish},
    server::Server,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

#[tokio::test]
async fn a_frame_of_a_terabyte_is_refused_at_its_head() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let mut other = Subscriber::open(Wire::WebSocket, server.address(), &["a"], None).await?;
        for protocol in ["", "Sec-WebSocket-Protocol: tidewire.v1\r\n"] {
            let mut stream = TcpStream::connect(server.address()).await?;
            let request = format!(
                "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                 {protocol}\r\n"
            );
            stream.write_all(request.as_bytes()).await?;
            // Binary, final, masked, a length of 2^40 in eight bytes; and no byte of payload.
            stream.write_all(b"\x82\xFF\x00\x00\x01\x00\x00\x00\x00\x00\0\0\0\0").await?;
            let mut all = Vec::new();
            timeout(AT_ONCE, stream.read_to_end(&mut all)).await.context("no end")??;
            let close = all.windows(4).any(|four| four[0] == 0x88 && four[2..] == [0x03, 0xF1]);
            ensure!(close, "{:?}", String::from_utf8_lossy(&all));
        }
        publish(server.address(), "a", "fine").await?;
        ensure!(other.message().await?.data == "fine");
        Ok(())
    })
    .await
}

/// Less than the three seconds in which a client may end its own side.
const AT_ONCE: Duration = Duration::from_secs(2);
