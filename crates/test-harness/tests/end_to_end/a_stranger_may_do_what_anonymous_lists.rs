//! `[anonymous]` says what requests without credentials may do, and nothing else; a bad token is no way to it.

use crate::{
    common::{check_problem, within},
    guarded::{Guarded, content, forge},
};
use anyhow::{Result, ensure};
use tidewire_test_harness::{
    peers::http::{get, post},
    server::Server,
};

#[tokio::test]
async fn a_stranger_may_do_what_anonymous_lists() -> Result<()> {
    within(60, async {
        let rest =
            "[anonymous]\nsubscribe = [\"news.>\", \"lobby\"]\npublish = \"lobby\"\nhistory = true";
        let guarded = Guarded::start("", rest, &[]).await?;
        let address = guarded.server.address();
        ensure!(post(address, "/publish/lobby", &[], b"x").await?.status == 200);
        check_problem(post(address, "/publish/news.a", &[], b"x").await?, 403, "forbidden").await?;
        for (path, status) in [
            ("/channels/news.a/messages", 200),
            ("/channels/lobby/presence", 403),
            ("/poll?wait=0", 200),
            ("/poll?channel=room.a&wait=0", 403),
            ("/poll?channel=>&wait=0", 403),
            ("/channels/$presence.lobby/messages", 403),
        ] {
            let answer = get(address, path, &[]).await?;
            ensure!(answer.status == status, "{path}: {}", answer.status);
        }
        let bearer = format!("Bearer {}", forge(&content()?)?);
        let bad = get(address, "/poll?wait=0", &[("Authorization", &*bearer)]).await?;
        check_problem(bad, 401, "unauthorized").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn without_keys_on_this_machine_nobody_looks_at_tokens() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let bearer = [("Authorization", "Bearer nonsense")];
        let answer = get(server.address(), "/poll?since=earliest&wait=0&token=nonsense", &bearer);
        ensure!(answer.await?.status == 200);
        ensure!(post(server.address(), "/publish/a", &bearer, b"x").await?.status == 200);
        Ok(())
    })
    .await
}
