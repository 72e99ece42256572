//! Invalid names are refused with the reason, for publishers and subscribers alike.

use crate::common::{check_problem, within};
use anyhow::{Context as _, Result};
use serde_json::json;
use tidewire_test_harness::{
    peers::{
        http::{get, post},
        websocket::{Frame, Socket},
    },
    server::Server,
};

#[tokio::test]
async fn a_channel_name_is_checked_everywhere() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        let long = "a".repeat(256);
        for name in ["a%20b", &long, "a..b", ".a", "a.", "a%2Fb", "%C3%A9", "a%00", "a%FF"] {
            let answer = post(address, &format!("/publish/{name}"), &[], b"x").await?;
            check_problem(answer, 400, "bad_channel").await.with_context(|| name.to_owned())?;
            for wire in ["events", "stream", "poll"] {
                let answer = get(address, &format!("/{wire}?channel={name}"), &[]).await?;
                check_problem(answer, 400, "bad_channel").await.with_context(|| name.to_owned())?;
            }
        }
        // A pattern can be followed but not published to.
        check_problem(post(address, "/publish/a.*", &[], b"x").await?, 400, "bad_channel").await?;
        let longest = "a".repeat(255);
        let answer = post(address, &format!("/publish/{longest}"), &[], b"x").await?;
        assert_eq!(answer.status, 200);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_websocket_says_so_and_stays_open() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let (mut socket, _) = Socket::speak(server.address()).await?;
        for request in [
            json!({"type": "subscribe", "id": 1, "channel": "a b"}),
            json!({"type": "publish", "id": 1, "channel": "a".repeat(256), "data": 1}),
        ] {
            socket.send(Frame::text(request.to_string())).await?;
            let answer = socket.json().await?.context("it closed")?;
            assert_eq!(answer["type"], "error", "{answer}");
            assert_eq!((&answer["id"], &answer["code"]), (&json!(1), &json!("bad_channel")));
        }
        for (request, code) in [
            (json!({"type": "dance", "id": 2}).to_string(), "unknown_type"),
            ("{".to_owned(), "bad_request"),
        ] {
            socket.send(Frame::text(request)).await?;
            let answer = socket.json().await?.context("it closed")?;
            assert_eq!(answer["code"], code, "{answer}");
        }
        let fine = json!({"type": "subscribe", "id": 3, "channel": "a"});
        socket.send(Frame::text(fine.to_string())).await?;
        assert_eq!(socket.json().await?.context("it closed")?["type"], "subscribed");
        Ok(())
    })
    .await
}
