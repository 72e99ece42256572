//! Plain HTTP on a port that speaks TLS, TLS on one that does not, and a version that is too old.

use crate::common::within;
use anyhow::{Result, ensure};
use tidewire_test_harness::{server::Server, tls::Certificates};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// What a server answers to these bytes until it ends the connection.
async fn answer(server: &Server, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server.address()).await?;
    stream.write_all(bytes).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn plain_http_on_a_tls_port_is_answered_with_where_to_go() -> Result<()> {
    within(30, async {
        let server = Certificates::new()?.serve(&[]).await?;
        let request = b"GET /events?channel=a HTTP/1.1\r\nHost: push.example:8443\r\n\r\n";
        let answer = String::from_utf8(answer(&server, request).await?)?;
        ensure!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        ensure!(answer.contains("\r\ncontent-type: text/plain; charset=utf-8\r\n"), "{answer}");
        let body = "This port speaks TLS, and the request came without it. Use https://push.example:8443\n";
        ensure!(answer.ends_with(&format!("\r\n\r\n{body}")), "{answer}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn tls_on_a_plain_port_is_disconnected_and_logged_once_in_a_while() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let client = Certificates::new()?.client()?;
        for _ in 0..3 {
            ensure!(client.connect(server.address()).await.is_err(), "a handshake without TLS");
        }
        let report = "a client speaks TLS (https or wss) to a port that does not";
        while !server.output().text().contains(report) {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let log = server.output().text();
        ensure!(log.matches(report).count() == 1, "{log}");
        // Not an answer in HTTP, which a client of TLS cannot show to anybody.
        ensure!(answer(&server, b"\x16\x03\x01\x00\x05hello").await.unwrap_or_default().is_empty());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn tls_1_1_is_refused_with_an_alert() -> Result<()> {
    within(30, async {
        let server = Certificates::new()?.serve(&[]).await?;
        // A ClientHello of TLS 1.1: its version, 32 random bytes, no session, one cipher suite of its time, no
        // compression, and one extension: ECDSA with P-256 and SHA-256.
        let mut hello = b"\x16\x03\x01\x00\x37\x01\x00\x00\x33\x03\x02".to_vec();
        hello.extend([7; 32]);
        hello.extend(b"\x00\x00\x02\xc0\x13\x01\x00\x00\x08\x00\x0d\x00\x04\x00\x02\x04\x03");
        let alert = answer(&server, &hello).await?;
        // Fatal, protocol_version.
        ensure!(
            alert.starts_with(b"\x15\x03") && alert.ends_with(b"\x00\x02\x02\x46"),
            "{alert:?}"
        );
        Ok(())
    })
    .await
}
