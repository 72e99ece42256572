//! Every wire as streams of one HTTP/2 connection, and what one stream does to another: nothing.

use crate::common::{each_wire_receives, numbered, within};
use anyhow::{Context as _, Result, ensure};
use tidewire_test_harness::{
    http2::{Http2, Http2Tunnel, Windows, read},
    peers::websocket::Frame,
    tls::Certificates,
};

const MESSAGES: usize = 2_000;

/// A stream that is not read fills its window after some six hundred of them.
const NARROW: Windows = Windows { stream: 64 << 10, connection: 1 << 20 };

#[tokio::test]
async fn each_wire_works_over_http2() -> Result<()> {
    within(90, async {
        let certificates = Certificates::new()?;
        let server = certificates.serve(&[]).await?;
        let client = certificates.client()?;
        let tunnel = Http2Tunnel::start(server.address(), &client).await?;
        let address = tunnel.address();
        let unread = Http2::connect(server.address(), &client, NARROW).await?;
        let mut slow = unread.get("/events?channel=a", &[]).await?.into_body();
        let mut beside = unread.get("/events?channel=a", &[]).await?.into_body();

        let mut raw = each_wire_receives(address, MESSAGES).await?;
        // One stream of that connection is read, and then the other: nothing is missing.
        for body in [&mut beside, &mut slow] {
            let last = format!("data: {}\n\n", numbered(MESSAGES - 1));
            let mut text = String::new();
            while !text.ends_with(&last) {
                let bytes = read(body).await?.context("it has ended")?;
                text.push_str(std::str::from_utf8(&bytes)?);
            }
            let events = text.matches("data: ").count();
            ensure!(events == MESSAGES + 1, "{events} events");
        }
        raw.send(Frame::Close(None)).await?;
        while raw.frame().await?.is_some() {}
        Ok(())
    })
    .await
}
