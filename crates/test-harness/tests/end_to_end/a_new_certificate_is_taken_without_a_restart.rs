//! The files of the certificate change: new handshakes show the new one, and nobody loses a connection or a session.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use std::{fs, time::Duration};
use tidewire_test_harness::{
    peers::{Subscriber, Wire, http::publish},
    server::Server,
    tls::{Certificates, Client, Tunnel, rustls::HandshakeKind},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::sleep,
};

/// A request over a connection of its own: how its handshake went, and the certificate that was shown.
async fn ask(client: &Client, server: &Server) -> Result<(HandshakeKind, Vec<u8>)> {
    let mut stream = client.connect(server.address()).await?;
    // The tickets come before the answer.
    stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
    ensure!(stream.read(&mut [0; 1_000]).await? > 0, "no answer");
    let (_, session) = stream.get_ref();
    let shown = session.peer_certificates().and_then(<[_]>::first).context("no certificate")?;
    Ok((session.handshake_kind().context("no handshake")?, shown.to_vec()))
}

/// Handshakes in full until this certificate is shown.
async fn until_shown(certificates: &Certificates, server: &Server, wanted: &[u8]) -> Result<()> {
    while ask(&certificates.client()?, server).await?.1 != wanted {
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_new_certificate_is_taken_without_a_restart() -> Result<()> {
    within(60, async {
        let certificates = Certificates::new()?;
        let server = certificates.serve(&[]).await?;
        let client = certificates.client()?;
        let tunnel = Tunnel::start(server.address(), certificates.client()?).await?;
        let mut subscriber = Subscriber::open(Wire::Sse, tunnel.address(), &["a"], None).await?;
        let (full, first) = ask(&client, &server).await?;
        ensure!(full == HandshakeKind::Full, "{full:?}");
        ensure!(ask(&client, &server).await?.0 == HandshakeKind::Resumed);

        let second = certificates.renew()?;
        ensure!(first != second, "the same certificate");
        until_shown(&certificates, &server, &second).await?;
        // Sessions from before still resume.
        ensure!(ask(&client, &server).await?.0 == HandshakeKind::Resumed);

        fs::write(certificates.certificate(), "nonsense")?;
        let report = "the new one is not taken: tls_certificate is ";
        while !server.output().text().contains(report) {
            sleep(Duration::from_millis(20)).await;
        }
        ensure!(ask(&certificates.client()?, &server).await?.1 == second);
        let third = certificates.renew()?;
        until_shown(&certificates, &server, &third).await?;
        let log = server.output().text();
        ensure!(log.matches(report).count() == 1, "{log}");

        publish(tunnel.address(), "a", "still here").await?;
        ensure!(subscriber.message().await?.data == "still here");
        Ok(())
    })
    .await
}
