//! `POST /connections/{id}/token`: a stream on which its client can say nothing goes on with a newer token.

use crate::{
    common::{check_problem, within},
    guarded::Guarded,
    renewing::{Stream, get_with, post, publish, token},
};
use anyhow::{Result, ensure};
use std::collections::BTreeSet;
use tidewire_test_harness::peers::{http::Answer, websocket::Socket};

const STREAMS: [&str; 3] =
    ["/events?channel=a", "/events?channel=a&format=json", "/stream?channel=a"];

async fn open(guarded: &Guarded, path: &str, token: &str) -> Result<Stream> {
    Stream::of(get_with(guarded.server.address(), path, token).await?)
}

async fn renew(guarded: &Guarded, id: &str, token: &str) -> Result<Answer> {
    post(guarded.server.address(), &format!("/connections/{id}/token"), token, "").await
}

#[tokio::test]
async fn a_stream_outlives_its_first_token_and_ends_with_its_last() -> Result<()> {
    within(60, async {
        let guarded = Guarded::start("workers = 3", "", &[]).await?;
        let token = |seconds| token("u7", &["a"], seconds);
        for path in STREAMS {
            let mut stream = open(&guarded, path, &token(3)?).await?;
            let id = stream.renewal_id().await?;
            ensure!(id.len() == 22, "{id}");
            for _ in 0..2 {
                stream.until(r#"{"type":"expiring","in_ms":"#).await?;
                let answer = renew(&guarded, &id, &token(3)?).await?.json().await?;
                ensure!(
                    (1..=3_000).contains(&answer["expires_in_ms"].as_u64().unwrap()),
                    "{answer}"
                );
            }
            publish(&guarded, "a", "after the first token").await?;
            stream.until("after the first token").await?;
            stream.until(r#""code":"expired""#).await?;
            // It has ended, and its name with it.
            let answer = renew(&guarded, &id, &token(3)?).await?;
            check_problem(answer, 404, "not_found").await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_name_is_its_clients_alone() -> Result<()> {
    within(60, async {
        let guarded = Guarded::start("", "", &[]).await?;
        let mine = token("u7", &[">"], 600)?;
        let mut ids = BTreeSet::new();
        for path in STREAMS {
            let mut stream = open(&guarded, path, &mine).await?;
            let id = stream.renewal_id().await?;
            let others = token("u8", &[">"], 600)?;
            let detail =
                check_problem(renew(&guarded, &id, &others).await?, 403, "forbidden").await?;
            ensure!(detail.contains("another subject") && !detail.contains(&id), "{detail}");
            check_problem(renew(&guarded, &id, "nonsense").await?, 401, "unauthorized").await?;
            for wrong in [&id[..21], &format!("{id}A"), "AAAAAAAAAAAAAAAAAAAAAA", "x", "%FF"] {
                let answer = renew(&guarded, wrong, &mine).await?;
                check_problem(answer, 404, "not_found").await?;
            }
            ensure!(renew(&guarded, &id, &mine).await?.status == 200);
            publish(&guarded, "a", "undisturbed").await?;
            stream.until("undisturbed").await?;
            ids.insert(id);
        }
        ensure!(ids.len() == STREAMS.len(), "{ids:?}");
        let printed = guarded.server.output().text();
        ensure!(ids.iter().all(|id| !printed.contains(id)), "{printed}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_narrower_token_ends_a_subscription_and_one_that_covers_nothing_the_stream() -> Result<()>
{
    within(60, async {
        let guarded = Guarded::start("", "", &[]).await?;
        let mine = token("u7", &[">"], 600)?;
        for path in ["/events?channel=a&channel=b", "/stream?channel=a&channel=b"] {
            let mut stream = open(&guarded, path, &mine).await?;
            let id = stream.renewal_id().await?;
            let narrower = token("u7", &["b"], 600)?;
            ensure!(renew(&guarded, &id, &narrower).await?.status == 200);
            stream.until(r#"{"type":"unsubscribed","channel":"a","code":"forbidden""#).await?;
            publish(&guarded, "a", "not for it").await?;
            publish(&guarded, "b", "for it").await?;
            ensure!(!stream.until("for it").await?.contains("not for it"));
            let elsewhere = token("u7", &["c"], 600)?;
            ensure!(renew(&guarded, &id, &elsewhere).await?.status == 200);
            stream.until("covers none of the connection's subscriptions any more").await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_raw_websocket_learns_its_name_only_beside_json() -> Result<()> {
    within(60, async {
        let guarded = Guarded::start("", "", &[]).await?;
        let mine = token("u7", &["a"], 3)?;
        let path = format!("/ws?channel=a&format=json&token={mine}");
        let mut socket = Socket::open(guarded.server.address(), &path).await?;
        let first = socket.json().await?.unwrap();
        ensure!(first["type"] == "connection", "{first}");
        let longer = token("u7", &["a"], 600)?;
        let id = first["id"].as_str().unwrap();
        ensure!(renew(&guarded, id, &longer).await?.status == 200);
        let path = format!("/ws?channel=a&token={mine}");
        let mut raw = Socket::open(guarded.server.address(), &path).await?;
        let notice = raw.json().await?.unwrap();
        ensure!(notice["type"] == "expiring", "{notice}");
        ensure!(raw.close_code().await? == 4002);
        publish(&guarded, "a", "beside json").await?;
        while socket.json().await?.unwrap()["data"] != "beside json" {}
        Ok(())
    })
    .await
}
