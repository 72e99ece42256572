//! When its token expires, an event stream and a WebSocket end with their position and the reason, and a resume with
//! another token goes on there.

use crate::{
    browsers::send,
    common::within,
    guarded::{Guarded, content, now_ms, sign},
};
use anyhow::{Context as _, Result, ensure};
use tidewire_test_harness::peers::{
    http::{get, post},
    websocket::{Frame, Socket},
};
use tidewire_tokens::Claims;

/// A token for some two seconds more.
fn short() -> Result<String> {
    sign(&Claims { expires_ms: now_ms()? + 2_999, ..content()? })
}

async fn publish(guarded: &Guarded, text: &str) -> Result<String> {
    let bearer = format!("Bearer {}", sign(&content()?)?);
    let headers = [("Authorization", &*bearer)];
    let answer = post(guarded.server.address(), "/publish/room.a", &headers, text.as_bytes());
    let answer = answer.await?.json().await?;
    Ok(answer["position"].as_str().context("no position")?.to_owned())
}

#[tokio::test]
async fn an_event_stream_ends_with_an_error_event_and_resumes() -> Result<()> {
    within(60, async {
        let guarded = Guarded::start("", "", &[]).await?;
        let address = guarded.server.address();
        let bearer = format!("Authorization: Bearer {}", short()?);
        let request = "GET /events?channel=room.a HTTP/1.1\r\n\r\n";
        let stream = send(address, request, &["Host: localhost", &bearer]).await?;
        ensure!(stream.status == 200, "{}", stream.status);
        let position = publish(&guarded, "first").await?;
        let text = stream.text().await?;
        ensure!(text.contains(&format!("id: {position}\ndata: first\n\n")), "{text}");
        let (_, end) = text.split_once("event: $error\n").context("no error event")?;
        ensure!(end.contains(r#""code":"expired""#), "{end}");
        publish(&guarded, "second").await?;
        let path = format!("/poll?channel=room.a&wait=0&since={position}&token={}", short()?);
        let page = get(address, &path, &[]).await?.json().await?;
        ensure!(page["messages"][0]["data"] == "second", "{page}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_websocket_ends_with_4002_and_no_message_after_it() -> Result<()> {
    within(60, async {
        let guarded = Guarded::start("", "", &[]).await?;
        let path = format!("/ws?channel=room.a&format=json&token={}", short()?);
        let mut socket = Socket::open(guarded.server.address(), &path).await?;
        let position = publish(&guarded, "first").await?;
        let mut said = String::new();
        let code = loop {
            match socket.frame().await?.context("it ends without a close")? {
                Frame::Text(text) => said.push_str(&text),
                Frame::Close(close) => break close.context("no code")?.code,
                _ => {}
            }
        };
        ensure!(said.contains(&position) && u16::from(code) == 4002, "{code}: {said}");
        Ok(())
    })
    .await
}
