//! What Chromium's `WebSocket` sends, `ws-frame` decodes: masked, of every length at which the
//! header changes, and in as many frames as Chromium likes.

use crate::{
    common::within,
    web_socket::{Browser, Received},
};
use anyhow::Result;
use serde_json::json;
use ws_frame::{Close, CloseCode, encode_close};

#[tokio::test]
async fn messages_of_every_length() -> Result<()> {
    within(180, async {
        let mut browser = Browser::start().await?;
        let mut server = browser.connect().await?;
        for len in (0..140).chain([1_000, 16_384, 65_534, 65_535, 65_536, 65_537, 70_000]) {
            let script = format!(
                "socket.send('a'.repeat({len} % 3) + '€'.repeat({len} / 3)); \
                 socket.send(Uint8Array.from({{ length: {len} }}, (_, at) => at * 7 + {len}))"
            );
            browser.run(&script).await?;
            let text = "a".repeat(len % 3) + &"€".repeat(len / 3);
            assert_eq!(server.receive().await?, Received::Text(text), "{len} bytes");
            let binary = (0..len).map(|at| (at * 7 + len) as u8).collect();
            assert_eq!(server.receive().await?, Received::Binary(binary), "{len} bytes");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn messages_back_to_back_in_their_order() -> Result<()> {
    within(180, async {
        let mut browser = Browser::start().await?;
        let mut server = browser.connect().await?;
        browser.run("for (let number = 0; number < 5000; number++) socket.send(number)").await?;
        for number in 0..5000 {
            assert_eq!(server.receive().await?, Received::Text(number.to_string()));
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_close_with_and_without_a_reason() -> Result<()> {
    within(180, async {
        let mut browser = Browser::start().await?;
        let longest = "é".repeat(61) + "!";
        for (code, reason) in [(1000, ""), (1000, "done"), (3000, "é"), (4999, &longest)] {
            let mut server = browser.connect().await?;
            browser.run(&format!("socket.close({code}, {})", json!(reason))).await?;
            assert_eq!(server.receive().await?, Received::Close(Some((code, reason.to_owned()))));
            let mut answer = Vec::new();
            let close = Close { code: CloseCode::new(code).unwrap(), reason };
            encode_close(Some(close), None, &mut answer)?;
            server.send(&answer).await?;
            drop(server);
            assert_eq!(browser.closed().await?, json!([code, reason, true]));
        }
        let mut server = browser.connect().await?;
        browser.run("socket.close()").await?;
        assert_eq!(server.receive().await?, Received::Close(None));
        Ok(())
    })
    .await
}
