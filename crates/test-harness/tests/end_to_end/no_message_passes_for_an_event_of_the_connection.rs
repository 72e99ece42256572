//! Event names that a browser's `EventSource` uses for its own connection: refused on every way in.

use crate::common::{check_problem, within};
use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tidewire_test_harness::{
    peers::{
        http::post,
        websocket::{Frame, Socket},
    },
    server::{Server, command},
};

#[tokio::test]
async fn no_message_passes_for_an_event_of_the_connection() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        let url = format!("http://{address}");
        let (mut socket, _) = Socket::speak(address).await?;
        for name in ["error", "open"] {
            let path = format!("/publish/a?event={name}");
            let detail = check_problem(post(address, &path, &[], b"x").await?, 400, "bad_request");
            ensure!(detail.await?.contains(&format!("on{name}")));
            let answer = post(address, "/publish/a", &[("Event", name)], b"x").await?;
            check_problem(answer, 400, "bad_request").await?;

            let batch = json!({"messages": [{"channel": "a", "data": 1, "event": name}]});
            let answer = post(address, "/publish", &[], batch.to_string().as_bytes()).await?;
            let answer = answer.json().await?;
            ensure!(answer["results"][0]["error"]["code"] == "bad_request", "{answer}");

            let publish =
                json!({"type": "publish", "id": 1, "channel": "a", "data": 1, "event": name});
            socket.send(Frame::text(publish.to_string())).await?;
            let answer = socket.json().await?.context("it closed")?;
            ensure!(answer["code"] == "bad_request", "{answer}");

            let arguments = ["publish", "a", "x", "--event", name, "--url", &url];
            let output = command()?.args(arguments).output().await?;
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            ensure!(!output.status.success() && stderr.contains(&format!("on{name}")), "{stderr}");
        }
        // What only looks like them reaches nobody by accident.
        for name in ["Error", "opened", "message"] {
            let path = format!("/publish/a?event={name}");
            ensure!(post(address, &path, &[], b"x").await?.status == 200, "{name}");
        }
        Ok(())
    })
    .await
}
