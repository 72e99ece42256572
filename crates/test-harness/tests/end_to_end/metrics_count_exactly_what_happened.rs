//! After known traffic every count is the number of what happened, neither more nor less.

use crate::{
    common::within,
    scrape::{becomes, check, scrape},
};
use anyhow::{Context as _, Result, ensure};
use tidewire_test_harness::{
    peers::{
        Subscriber, Wire,
        http::{get, post, publish},
        websocket::{Frame, Socket},
    },
    server::Server,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[tokio::test]
async fn deliveries_publishes_gaps_and_refusals_are_counted() -> Result<()> {
    within(60, async {
        let server = Server::start(&["--workers", "2", "--retention-messages", "5"]).await?;
        let address = server.address();
        let mut sse = Subscriber::open(Wire::Sse, address, &["a"], None).await?;
        let began_at = sse.position().to_owned();
        let mut socket = Subscriber::open(Wire::WebSocket, address, &["a", "b.>"], None).await?;

        for text in ["1", "2", "3"] {
            publish(address, "a", text).await?;
        }
        let batch = r#"{"messages":[{"channel":"a","data":4},{"channel":"a b","data":5}]}"#;
        ensure!(post(address, "/publish", &[], batch.as_bytes()).await?.status == 200);
        ensure!(post(address, "/publish/a%20b", &[], b"x").await?.status == 400);
        let (mut publisher, _) = Socket::speak(address).await?;
        for channel in ["a", "$presence.a"] {
            let frame = format!(r#"{{"type":"publish","id":1,"channel":"{channel}","data":6}}"#);
            publisher.send(Frame::text(frame)).await?;
            publisher.json().await?.context("no answer")?;
        }
        for text in ["7", "8", "9"] {
            publish(address, "a", text).await?;
        }
        sse.messages(8).await?;
        socket.messages(8).await?;

        // Of eight messages five are left.
        let mut late = Subscriber::open(Wire::Sse, address, &["a"], Some(&began_at)).await?;
        late.gap().await?;
        late.messages(5).await?;
        let foreign = [("Last-Event-ID", "another-servers-id")];
        let page = get(address, "/poll?channel=a", &foreign).await?.text().await?;
        ensure!(page.contains("\"gaps\""), "{page}");
        ensure!(get(address, "/nothing", &[]).await?.status == 404);
        ensure!(post(address, "/health/live", &[], b"").await?.status == 405);

        check(&scrape(address).await?, &EXPECTED)?;
        drop((sse, socket, late, publisher));
        becomes(address, "tidewire_subscriptions", 0.0).await?;
        check(
            &scrape(address).await?,
            &[
                ("tidewire_connections{transport=\"sse\",dialect=\"raw\"}", 0.0),
                ("tidewire_connections_opened_total{transport=\"sse\",dialect=\"raw\"}", 2.0),
                ("tidewire_connections_ended_total{reason=\"left\"}", 4.0),
            ],
        )
    })
    .await
}

#[tokio::test]
async fn every_byte_of_a_stream_is_counted_once() -> Result<()> {
    within(60, async {
        let server = Server::start(&["--workers", "1"]).await?;
        let mut streams = Vec::new();
        for _ in 0..20 {
            let mut stream = TcpStream::connect(server.address()).await?;
            stream.write_all(b"GET /events?channel=a HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
            let mut received = Vec::new();
            read_to(&mut stream, &mut received, b"\r\n\r\n").await?;
            streams.push((stream, received));
        }
        for text in ["short", &"long ".repeat(10_000), "last"] {
            publish(server.address(), "a", text).await?;
        }
        let mut bytes = 0;
        for (stream, received) in &mut streams {
            read_to(stream, received, b"data: last\n\n\r\n").await?;
            let head =
                received.windows(4).position(|four| four == b"\r\n\r\n").context("no head")?;
            bytes += received.len() - head - 4;
        }
        let series = scrape(server.address()).await?;
        check(
            &series,
            &[
                ("tidewire_sent_bytes_total{transport=\"sse\"}", bytes as f64),
                ("tidewire_sent_bytes_total{transport=\"ws\"}", 0.0),
                ("tidewire_deliveries_total{transport=\"sse\"}", 60.0),
            ],
        )
    })
    .await
}

/// Reads until `end` has come, and nothing is left over.
async fn read_to(stream: &mut TcpStream, received: &mut Vec<u8>, end: &[u8]) -> Result<()> {
    while !received.windows(end.len()).any(|window| window == end) {
        ensure!(stream.read_buf(received).await? > 0, "it has ended");
    }
    Ok(())
}

/// What is known of the traffic of the first test.
const EXPECTED: [(&str, f64); 21] = [
    ("tidewire_publishes_total{result=\"published\"}", 8.0),
    ("tidewire_publishes_total{result=\"bad_channel\"}", 2.0),
    ("tidewire_appended_messages_total", 8.0),
    ("tidewire_retained_messages{place=\"memory\"}", 5.0),
    ("tidewire_removed_messages_total", 3.0),
    // One that was there and one that came late; one that was there; none; a poll.
    ("tidewire_deliveries_total{transport=\"sse\"}", 8.0 + 5.0),
    ("tidewire_deliveries_total{transport=\"ws\"}", 8.0),
    ("tidewire_deliveries_total{transport=\"stream\"}", 0.0),
    ("tidewire_deliveries_total{transport=\"poll\"}", 5.0),
    // What the late one was replayed says nothing of how fast messages are delivered.
    ("tidewire_delivery_latency_seconds_count", 16.0),
    ("tidewire_gaps_total{reason=\"expired\"}", 1.0),
    ("tidewire_gaps_total{reason=\"unknown_position\"}", 1.0),
    ("tidewire_refusals_total{code=\"bad_channel\"}", 2.0),
    ("tidewire_refusals_total{code=\"forbidden\"}", 1.0),
    ("tidewire_refusals_total{code=\"not_found\"}", 1.0),
    ("tidewire_refusals_total{code=\"method_not_allowed\"}", 1.0),
    ("tidewire_refusals_total{code=\"internal\"}", 0.0),
    ("tidewire_connections{transport=\"sse\",dialect=\"raw\"}", 2.0),
    ("tidewire_connections{transport=\"ws\",dialect=\"tidewire.v1\"}", 2.0),
    ("tidewire_connections_opened_total{transport=\"poll\",dialect=\"json\"}", 1.0),
    ("tidewire_subscriptions", 4.0),
];
