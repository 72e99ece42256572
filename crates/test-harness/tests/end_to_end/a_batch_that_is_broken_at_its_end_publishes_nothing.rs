//! A batch is read to its end, over several turns, before its first message is published.

use crate::common::{check_problem, within};
use anyhow::{Result, ensure};
use tidewire_test_harness::{
    peers::http::{get, post},
    server::Server,
};

#[tokio::test]
async fn a_batch_that_is_broken_at_its_end_publishes_nothing() -> Result<()> {
    within(90, async {
        let server = Server::start(&["--retention-messages", "10000"]).await?;
        let address = server.address();
        let message = |at: usize| format!(r#"{{"channel":"a","data":"{at:0200}"}}"#);
        let messages: Vec<_> = (0..9_000).map(message).collect();
        let broken = format!(r#"{{"messages":[{},{{"channel":5}}]}}"#, messages.join(","));
        let detail = check_problem(
            post(address, "/publish", &[], broken.as_bytes()).await?,
            400,
            "bad_request",
        )
        .await?;
        ensure!(detail.contains("expected a string at line 1"), "{detail}");
        let listed = get(address, "/channels", &[]).await?.text().await?;
        ensure!(listed.contains(r#""channels":[]"#), "{listed}");

        let whole = format!(r#"{{"messages":[{},{{"channel":"!"}}]}}"#, messages.join(","));
        let answer = post(address, "/publish", &[], whole.as_bytes()).await?.text().await?;
        let mut results = answer.split(r#"{"position":""#).skip(1);
        let offset = |result: &str| result.split(['-', '"']).nth(1).map(str::to_owned);
        for at in 1..=9_000 {
            let found = results.next().and_then(offset);
            ensure!(found == Some(at.to_string()), "{at}: {found:?}");
        }
        ensure!(answer.ends_with("}}]}") && answer.contains("bad_channel"), "the last is refused");
        Ok(())
    })
    .await
}
