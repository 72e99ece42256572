//! Handshakes that stop anywhere have a deadline, and others are served meanwhile.

use crate::common::{let_go_of, sockets, within};
use anyhow::{Result, ensure};
use std::time::Duration;
use tidewire_test_harness::{
    peers::{Subscriber, Wire},
    tls::{Certificates, Tunnel, rustls::version::TLS12},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::sleep,
};

#[tokio::test]
async fn a_tls_handshake_that_does_not_end_is_ended() -> Result<()> {
    within(90, async {
        let certificates = Certificates::new()?;
        let server = certificates.serve(&["--workers", "1"]).await?;
        // Once it serves, a server opens no sockets but its clients'.
        let tunnel = Tunnel::start(server.address(), certificates.client()?).await?;
        let _one = Subscriber::open(Wire::Sse, tunnel.address(), &["a"], None).await?;
        let before = sockets(&server)?;
        let mut halves = Vec::new();
        // Nothing; the head of a record; a record whose handshake message goes on.
        for bytes in [&b""[..], b"\x16\x03\x01", b"\x16\x03\x01\x00\x04\x01\x00\x20\x00"] {
            let mut stream = TcpStream::connect(server.address()).await?;
            stream.write_all(bytes).await?;
            halves.push(stream);
        }
        while sockets(&server)? < before + halves.len() {
            sleep(Duration::from_millis(5)).await;
        }
        let client = certificates.client_of(&[&TLS12])?;
        let mut other = client.connect(server.address()).await?;
        other.write_all(b"GET /health/live HTTP/1.0\r\n\r\n").await?;
        let mut answer = Vec::new();
        other.read_to_end(&mut answer).await?;
        ensure!(answer.starts_with(b"HTTP/1.0 200"), "{}", String::from_utf8_lossy(&answer));
        // The deadline is 10 s. What ends these is nothing that they send.
        for half in &mut halves {
            ensure!(matches!(half.read(&mut [0; 100]).await, Ok(0) | Err(_)), "it was answered");
        }
        let_go_of(&server, before, AT_ONCE).await
    })
    .await
}

const AT_ONCE: Duration = Duration::from_secs(20);
