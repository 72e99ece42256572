//! An answer of a long-poll may be shared by a cache only if it is the same for everybody, and stays right.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use tidewire_test_harness::{
    peers::http::{get, post, publish},
    server::{self, Server},
};

const SHARED: &str = "public, max-age=10";

/// What is asked: its description, the path, the headers, and the `Cache-Control` of the answer.
type Case<'a> = (&'static str, &'a str, &'a [(&'a str, &'a str)], &'a str);

#[tokio::test]
async fn an_answer_that_is_the_same_for_everybody_may_be_shared_and_no_other() -> Result<()> {
    within(30, async {
        let secret = "a secret of at least thirty-two bytes";
        let mut serve = server::command()?;
        serve.args(["serve", "--listen", "127.0.0.1:0", "--anonymous"]);
        let server = Server::run({
            serve.env("TIDEWIRE_TOKENS_SECRET", secret);
            serve
        })
        .await?;
        let address = server.address();
        let first = publish(address, "a", "1").await?;
        let last = publish(address, "a", "2").await?;
        let mut sign = server::command()?;
        let signed = sign.args(["token", "--subscribe", "a"]).env("TIDEWIRE_TOKENS_SECRET", secret);
        let token = String::from_utf8(signed.output().await?.stdout)?.trim().to_owned();
        ensure!(token.contains('.'), "there is no token");

        let after = format!("/poll?channel=a&since={first}");
        let bearer = format!("Bearer {token}");
        let cases: [Case<'_>; 12] = [
            ("everybody's", &after, &[], SHARED),
            ("a page's", &after, &[("Origin", "http://localhost:5173")], SHARED),
            ("with a token", &after, &[("Authorization", &bearer)], "no-store"),
            ("with a token in the query", &format!("{after}&token={token}"), &[], "no-store"),
            ("with a cookie", &after, &[("Cookie", "session=1")], "no-store"),
            ("with a position in a header", &after, &[("Last-Event-ID", &first)], "no-store"),
            (
                "with a polyfill's position",
                &format!("{after}&lastEventId={first}"),
                &[],
                "no-store",
            ),
            ("of somebody", &format!("{after}&user=u7"), &[], "no-store"),
            ("from a time", "/poll?channel=a&since=5m", &[], "no-store"),
            ("from the beginning", "/poll?channel=a&since=earliest", &[], "no-store"),
            ("empty", &format!("/poll?channel=a&since={last}&wait=0s"), &[], "no-store"),
            ("with a gap", "/poll?channel=a&since=zz-1", &[], "no-store"),
        ];
        for (what, path, headers, expected) in cases {
            let answer = get(address, path, headers).await.context(what)?;
            ensure!(answer.status == 200, "{what}: {}", answer.status);
            let cache_control = answer.header("cache-control").unwrap_or_default().to_owned();
            ensure!(cache_control == expected, "{what}: it has {cache_control}");
            let varies = answer.headers.iter().filter(|(name, _)| name == "vary");
            let varies: Vec<&str> = varies.map(|(_, value)| value.as_str()).collect();
            ensure!(varies.join(", ").contains("Origin"), "{what}: it varies by {varies:?}");
        }
        let body = format!("{{\"channels\":[\"a\"],\"since\":\"{first}\"}}");
        let json = [("Content-Type", "application/json")];
        let answer = post(address, "/poll", &json, body.as_bytes()).await?;
        ensure!(answer.header("cache-control") == Some("no-store"), "a POST: {:?}", answer.headers);
        Ok(())
    })
    .await
}
