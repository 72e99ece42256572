//! `tidewire.v1`: a token in the first frame, a newer one before it expires, and what happens without.

use crate::{
    common::within,
    guarded::Guarded,
    renewing::{frame_of, publish, send, token},
};
use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tidewire_test_harness::peers::websocket::Socket;

/// Opens a connection, shows a token, and follows a channel.
async fn follow(guarded: &Guarded, token: &str, channel: &str) -> Result<Socket> {
    let (mut socket, _) = Socket::speak(guarded.server.address()).await?;
    // Without waiting for an answer.
    send(&mut socket, json!({"type": "token", "id": 1, "token": token})).await?;
    send(&mut socket, json!({"type": "subscribe", "id": 2, "channel": channel})).await?;
    frame_of(&mut socket, "granted").await?;
    frame_of(&mut socket, "subscribed").await?;
    Ok(socket)
}

#[tokio::test]
async fn a_connection_lives_on_as_its_token_is_renewed() -> Result<()> {
    within(60, async {
        let guarded = Guarded::start("", "", &[]).await?;
        let token = |seconds| token("u7", &["a"], seconds);
        let mut socket = follow(&guarded, &token(3)?, "a").await?;
        for n in 0..3 {
            let notice = frame_of(&mut socket, "expiring").await?;
            let in_ms = notice["in_ms"].as_u64().context("no in_ms")?;
            ensure!((1..=1_500).contains(&in_ms), "{notice}");
            send(&mut socket, json!({"type": "token", "id": 10 + n, "token": token(3)?})).await?;
            let granted = frame_of(&mut socket, "granted").await?;
            ensure!(granted["id"] == 10 + n, "{granted}");
            ensure!((1..=3_000).contains(&granted["expires_in_ms"].as_u64().unwrap()), "{granted}");
        }
        publish(&guarded, "a", "after the first token").await?;
        let message = frame_of(&mut socket, "message").await?;
        ensure!(message["data"] == "after the first token", "{message}");
        // Nobody renews it any more.
        let goodbye = frame_of(&mut socket, "goodbye").await?;
        ensure!(goodbye["code"] == 4002, "{goodbye}");
        ensure!(socket.close_code().await? == 4002);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_renewal_of_somebody_else_or_that_is_not_valid_is_refused_and_the_connection_goes_on()
-> Result<()> {
    within(60, async {
        let guarded = Guarded::start("", "", &[]).await?;
        let mine = token("u7", &["a"], 600)?;
        let mut socket = follow(&guarded, &mine, "a").await?;
        let others = token("u8", &[">"], 600)?;
        let nobodys = token("", &[">"], 600)?;
        for (id, token, code) in [
            (3, others, "forbidden"),
            (4, nobodys, "forbidden"),
            (5, format!("{mine}x"), "unauthorized"),
            (6, "nonsense".to_owned(), "unauthorized"),
        ] {
            send(&mut socket, json!({"type": "token", "id": id, "token": token})).await?;
            let error = socket.json().await?.context("closed")?;
            ensure!(
                error["type"] == "error" && error["id"] == id && error["code"] == code,
                "{error}"
            );
            ensure!(!error.to_string().contains(&token), "{error}");
            send(&mut socket, json!({"type": "subscribe", "id": id, "channel": "b"})).await?;
            let error = socket.json().await?.context("closed")?;
            ensure!(error["code"] == "forbidden", "{error}");
        }
        publish(&guarded, "a", "still here").await?;
        ensure!(frame_of(&mut socket, "message").await?["data"] == "still here");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_narrower_token_ends_only_what_it_does_not_cover() -> Result<()> {
    within(60, async {
        let guarded = Guarded::start("", "", &[]).await?;
        let mine = token("u7", &["a", "b"], 600)?;
        let mut socket = follow(&guarded, &mine, "a").await?;
        send(&mut socket, json!({"type": "subscribe", "id": 3, "channel": "b"})).await?;
        frame_of(&mut socket, "subscribed").await?;
        let narrower = token("u7", &["b"], 600)?;
        send(&mut socket, json!({"type": "token", "id": 4, "token": narrower})).await?;
        let ended = socket.json().await?.context("closed")?;
        ensure!(ended["type"] == "unsubscribed" && ended["channel"] == "a", "{ended}");
        ensure!(ended["code"] == "forbidden" && ended["id"].is_null(), "{ended}");
        frame_of(&mut socket, "granted").await?;
        publish(&guarded, "a", "not for it").await?;
        publish(&guarded, "b", "for it").await?;
        ensure!(frame_of(&mut socket, "message").await?["data"] == "for it");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn who_has_no_token_is_gone_at_its_first_other_request_or_after_a_while() -> Result<()> {
    within(60, async {
        let guarded = Guarded::start("token_wait = \"300ms\"", "", &[]).await?;
        let (mut silent, _) = Socket::speak(guarded.server.address()).await?;
        ensure!(silent.close_code().await? == 4501);
        for request in [
            json!({"type": "subscribe", "id": 1, "channel": "a"}),
            json!({"type": "publish", "id": 1, "channel": "a", "data": 1}),
            json!({"type": "token", "id": 1, "token": "nonsense"}),
            json!({"type": "token", "id": 1, "token": "x".repeat(20_000)}),
        ] {
            let (mut socket, _) = Socket::speak(guarded.server.address()).await?;
            send(&mut socket, request).await?;
            let error = socket.json().await?.context("closed")?;
            ensure!(error["id"] == 1 && error["code"] == "unauthorized", "{error}");
            ensure!(socket.json().await?.context("closed")?["code"] == 4501);
            ensure!(socket.close_code().await? == 4501);
        }
        Ok(())
    })
    .await
}
