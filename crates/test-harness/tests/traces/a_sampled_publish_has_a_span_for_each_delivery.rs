//! `traceparent` of a publish leads to one span for each connection that receives the message, and to none otherwise.

use crate::collector::{Collector, Span};
use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use std::time::Duration;
use tidewire_test_harness::{
    peers::{
        Subscriber, Wire,
        http::{get, post, publish},
        websocket::{Frame, Socket},
    },
    server::{Server, command},
};
use tokio::time::timeout;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A server whose spans go to `collector`, at once.
async fn start(collector: &Collector) -> Result<Server> {
    let mut serve = command()?;
    serve.args(["serve", "--listen", "127.0.0.1:0", "--workers", "2"]);
    serve.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", collector.address));
    serve.env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json").env("OTEL_BSP_SCHEDULE_DELAY", "50");
    Server::run(serve).await
}

fn parent(span: u64, flags: &str) -> String {
    format!("00-{TRACE}-{span:016x}-{flags}")
}

fn check(span: &Span, parent: u64, channel: &str, transport: &str) -> Result<()> {
    let shown = &span.span;
    ensure!(span.text("traceId")? == TRACE, "{shown}");
    ensure!(span.text("parentSpanId")? == format!("{parent:016x}"), "{shown}");
    ensure!(span.text("name")? == "deliver" && span.service == "tidewire", "{shown}");
    ensure!(span.says("messaging.destination.name")? == channel, "{shown}");
    ensure!(span.says("tidewire.transport")? == transport, "{shown}");
    let [begun, ended] = ["startTimeUnixNano", "endTimeUnixNano"];
    ensure!(span.text(begun)?.parse::<u64>()? <= span.text(ended)?.parse::<u64>()?, "{shown}");
    Ok(())
}

#[tokio::test]
async fn each_connection_that_receives_it_has_a_span_under_that_of_the_publisher() -> Result<()> {
    timeout(Duration::from_secs(60), async {
        let collector = Collector::start()?;
        let mut server = start(&collector).await?;
        let address = server.address();
        let mut sse = Subscriber::open(Wire::Sse, address, &["a"], None).await?;
        let mut socket = Subscriber::open(Wire::WebSocket, address, &["a"], None).await?;
        let began_at = sse.position().to_owned();

        // What is not sampled, not valid or not there has no span.
        publish(address, "a", "without").await?;
        for ignored in [parent(1, "00"), parent(0, "01"), "nonsense".to_owned()] {
            let headers = [("traceparent", &*ignored)];
            ensure!(post(address, "/publish/a", &headers, b"ignored").await?.status == 200);
        }
        let traced = parent(0xa1, "01");
        let answer = post(address, "/publish/a", &[("traceparent", &traced)], b"traced").await?;
        let position = answer.json().await?["position"].as_str().context("none")?.to_owned();
        sse.messages(5).await?;
        socket.messages(5).await?;
        let spans = collector.spans(2)?;
        ensure!(spans.len() == 2, "{spans:?}");
        let mut transports = Vec::new();
        for span in &spans {
            let transport = span.says("tidewire.transport")?;
            check(span, 0xa1, "a", &transport)?;
            ensure!(span.says("messaging.message.id")? == position, "{span:?}");
            ensure!(span.says("tidewire.replay")? == "false", "{span:?}");
            transports.push(transport);
        }
        transports.sort();
        ensure!(transports == ["sse", "ws"], "{transports:?}");

        // Who reads it later has a span of its own.
        let page = get(address, &format!("/poll?channel=a&since={began_at}"), &[]).await?;
        ensure!(page.text().await?.contains("traced"));
        let spans = collector.spans(1)?;
        check(&spans[0], 0xa1, "a", "poll")?;

        ensure!(server.terminate().await?.success());
        collector.has_no_more()
    })
    .await?
}

#[tokio::test]
async fn frames_and_batches_name_the_span_of_each_message() -> Result<()> {
    timeout(Duration::from_secs(60), async {
        let collector = Collector::start()?;
        let mut server = start(&collector).await?;
        let address = server.address();
        let mut sse = Subscriber::open(Wire::Sse, address, &["b"], None).await?;
        let (mut publisher, _) = Socket::speak(address).await?;
        let frame = json!({"type": "publish", "id": 1, "channel": "b", "data": 1, "traceparent": parent(0xb1, "01")});
        publisher.send(Frame::text(frame.to_string())).await?;
        publisher.json().await?.context("no answer")?;
        let of_one = parent(0xb3, "01");
        let batch = json!({"messages": [
            {"channel": "b", "data": 2},
            {"channel": "b", "data": 3, "traceparent": of_one},
        ]});
        let of_request = parent(0xb2, "01");
        let headers = [("traceparent", &*of_request)];
        let answer = post(address, "/publish", &headers, batch.to_string().as_bytes()).await?;
        ensure!(answer.status == 200, "{}", answer.status);
        sse.messages(3).await?;
        let mut spans = collector.spans(3)?;
        // Those that are left are exported at the end.
        ensure!(server.terminate().await?.success());
        collector.has_no_more()?;
        spans.sort_by_key(|span| span.span["parentSpanId"].to_string());
        for (span, parent) in spans.iter().zip([0xb1, 0xb2, 0xb3]) {
            check(span, parent, "b", "sse")?;
        }
        Ok(())
    })
    .await?
}
