//! A subscriber that takes nothing: it keeps a drain going until that is cut off.

use anyhow::{Context as _, Result, ensure};
use std::{net::SocketAddr, time::Duration};
use tidewire_test_harness::peers::http::publish_all;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::sleep,
};

/// Subscribed to more than the kernel's buffers hold, of which it has read the response head alone.
pub(crate) async fn stuck_reader(address: SocketAddr) -> Result<TcpStream> {
    for _ in 0..8 {
        let messages = (0..5).map(|_| ("stuck", "x".repeat(100_000)));
        publish_all(address, messages).await?;
    }
    let mut reader = TcpStream::connect(address).await?;
    let request =
        format!("GET /events?channel=stuck&since=earliest HTTP/1.1\r\nHost: {address}\r\n\r\n");
    reader.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(reader.read_u8().await.context("no response head")?);
    }
    ensure!(head.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&head));
    // The server takes turns to write: a goodbye would be taken before there is this much.
    let mut unread = [0; 16 << 10];
    while reader.peek(&mut unread).await? < unread.len() {
        sleep(Duration::from_millis(1)).await;
    }
    Ok(reader)
}
