//! What one client may do over HTTP/2, and how a server that ends says goodbye there.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tidewire_test_harness::{
    http2::{
        Http2, Windows,
        h2::{Reason, RecvStream},
        http::{HeaderMap, HeaderValue, Method, Response, header::ETAG},
        read, text,
    },
    load::anonymous_bytes,
    tls::Certificates,
};
use tokio::time::{Duration, Instant, interval};

#[tokio::test]
async fn a_client_that_resets_streams_is_disconnected() -> Result<()> {
    within(60, async {
        let certificates = Certificates::new()?;
        let server = certificates.serve(&[]).await?;
        let client = certificates.client()?;
        // Each is looked at before it is reset: a burst of more than two hundred is too many.
        let patient = Http2::connect(server.address(), &client, Windows::WIDE).await?;
        let mut resets = 0;
        while let Ok(answer) = patient.get("/events?channel=a", &[]).await {
            drop(answer);
            resets += 1;
            ensure!(resets < 1_000, "{resets} resets are let pass");
        }
        ensure!(resets >= 200, "ended after {resets}");
        ensure!(patient.ended().await? == Reason::ENHANCE_YOUR_CALM);
        // These are reset at once: h2 itself lets twenty pass.
        let hasty = Http2::connect(server.address(), &client, Windows::WIDE).await?;
        for _ in 0..1_000 {
            if hasty.begin("/poll?channel=a").await.is_err() {
                break;
            }
        }
        ensure!(hasty.ended().await? == Reason::ENHANCE_YOUR_CALM);
        // Others are served as before.
        let other = Http2::connect(server.address(), &client, Windows::WIDE).await?;
        ensure!(other.post("/publish/a", b"hello").await?.status() == 200);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn trailers_take_no_memory() -> Result<()> {
    within(60, async {
        let certificates = Certificates::new()?;
        let server = certificates.serve(&[]).await?;
        let http2 =
            Http2::connect(server.address(), &certificates.client()?, Windows::WIDE).await?;
        let mut trailers = HeaderMap::new();
        // Some 120 KB as HTTP/2 counts them, 4 KB on the wire, and nearly 300 KB in memory.
        for _ in 0..3_500 {
            trailers.append(ETAG, HeaderValue::from_static("a"));
        }
        let mut streams = Vec::new();
        for number in 0..90 {
            let path = if number % 2 == 0 { "/events?channel=a" } else { "/poll?channel=a" };
            streams.push(http2.begin_unfinished(path).await?);
        }
        // Each handler has begun.
        let mut answers = Vec::new();
        for (answer, _) in streams.iter_mut().step_by(2) {
            answers.push(answer.await?);
        }
        let before = anonymous_bytes(server.id()?)?;
        for (_, send) in &mut streams {
            send.send_data(b"unread".as_slice().into(), false)?;
            send.send_trailers(trailers.clone())?;
        }
        for _ in 0..10 {
            ensure!(http2.get("/health/live", &[]).await?.status() == 200);
        }
        let grown = anonymous_bytes(server.id()?)?.saturating_sub(before);
        ensure!(grown < 8 << 20, "{grown} bytes more");
        // The streams go on.
        ensure!(http2.post("/publish/a", b"hello").await?.status() == 200);
        for (answer, _) in streams.into_iter().skip(1).step_by(2) {
            ensure!(text(answer.await?.body_mut()).await?.contains("hello"));
        }
        for answer in &mut answers {
            let mut events = String::new();
            while !events.contains("hello") {
                let more = read(answer.body_mut()).await?.context("the stream has ended")?;
                events.push_str(&String::from_utf8_lossy(&more));
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_connection_does_not_outlive_its_last_stream_by_small_requests() -> Result<()> {
    within(60, async {
        let certificates = Certificates::new()?;
        let server = certificates.serve(&[]).await?;
        let http2 =
            Http2::connect(server.address(), &certificates.client()?, Windows::WIDE).await?;
        // While it has a stream, that counts it.
        drop(http2.get("/events?channel=a", &[]).await?);
        let ended = Instant::now();
        let mut requests = interval(Duration::from_millis(20));
        while http2.get("/health/live", &[]).await.is_ok() {
            ensure!(ended.elapsed() < Duration::from_secs(5), "it is served for ever");
            requests.tick().await;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn limits_of_a_request_hold_over_http2() -> Result<()> {
    within(60, async {
        let certificates = Certificates::new()?;
        let server =
            certificates.serve(&["--message-bytes-max", "1000", "--body-wait", "300ms"]).await?;
        let http2 =
            Http2::connect(server.address(), &certificates.client()?, Windows::WIDE).await?;
        let problem = async |answer: Response<RecvStream>| {
            let (head, mut body) = answer.into_parts();
            let problem: Value = serde_json::from_str(&text(&mut body).await?)?;
            anyhow::Ok((
                head.status.as_u16(),
                problem["code"].as_str().unwrap_or_default().to_owned(),
            ))
        };
        let large = http2.post("/publish/a", &[b'a'; 100_000]).await?;
        ensure!(problem(large).await? == (413, "payload_too_large".to_owned()));
        let (answer, _unfinished) = http2.send(Method::POST, "/publish/a", &[], None).await?;
        ensure!(problem(answer.await?).await? == (408, "timeout".to_owned()));
        let names: Vec<_> = (0..97).map(|number| format!("x-{number}")).collect();
        let lines: Vec<_> = names.iter().map(|name| (&**name, "1")).collect();
        let many = http2.get("/health/live", &lines).await?;
        ensure!(problem(many).await? == (431, "head_too_large".to_owned()));
        let long = "a".repeat(200_000);
        let refused = http2.get("/health/live", &[("x-long", &long)]).await?;
        ensure!(refused.status() == 431);
        let socket = http2.get("/ws", &[]).await?;
        ensure!(problem(socket).await? == (400, "bad_request".to_owned()));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_server_that_ends_says_goodbye_over_http2() -> Result<()> {
    within(60, async {
        let certificates = Certificates::new()?;
        let mut server = certificates.serve(&[]).await?;
        let http2 =
            Http2::connect(server.address(), &certificates.client()?, Windows::WIDE).await?;
        let mut events = http2.get("/events?channel=a", &[]).await?.into_body();
        let mut lines = http2.get("/stream?channel=a", &[]).await?.into_body();
        let poll = tokio::spawn(http2.begin("/poll?channel=a").await?.0);
        let ending = async {
            // The poll has come before this, on the same connection.
            ensure!(http2.post("/publish/b", b"hello").await?.status() == 200);
            server.terminate().await
        };
        let read = async {
            let streams = tokio::try_join!(text(&mut events), text(&mut lines))?;
            ensure!(streams.0.contains("retry: "), "{streams:?}");
            Ok(())
        };
        let (status, ()) = tokio::try_join!(ending, read)?;
        ensure!(poll.await??.status() == 200);
        ensure!(status.success() && http2.ended().await? == Reason::NO_ERROR);
        Ok(())
    })
    .await
}
