//! A request has its credentials in one place; a query has some that publish nothing, unless that is configured.

use crate::{
    common::{check_problem, within},
    guarded::{Guarded, content, sign},
};
use anyhow::{Result, ensure};
use tidewire_test_harness::peers::http::{get, post};

#[tokio::test]
async fn more_than_one_is_refused_whichever_they_are() -> Result<()> {
    within(60, async {
        let guarded = Guarded::start("", "cookie = \"tw\"", &[]).await?;
        let token = sign(&content()?)?;
        let (header, cookie) = (format!("Bearer {token}"), format!("tw={token}"));
        let (header, cookie) = (("Authorization", &*header), ("Cookie", &*cookie));
        let own = ("Sec-Fetch-Site", "same-origin");
        let (path, with_query) = ("/poll?channel=room.a&wait=0", "&token=");
        let with_query = format!("{path}{with_query}{token}");
        let twice = format!("{with_query}&token={token}");
        for (path, headers) in [
            (path, &[header, header][..]),
            (path, &[own, header, cookie]),
            (path, &[own, cookie, cookie]),
            (&with_query, &[header]),
            (&with_query, &[own, cookie]),
            (&twice, &[]),
        ] {
            let answer = get(guarded.server.address(), path, headers).await?;
            let challenge = answer.header("www-authenticate").map(str::to_owned);
            let detail = check_problem(answer, 400, "bad_request").await?;
            ensure!(detail.contains("more than once") && !detail.contains(&token), "{detail}");
            ensure!(challenge.as_deref() == Some("Bearer error=\"invalid_request\""));
        }
        // What does not count is not one of them.
        for headers in [&[header, cookie][..], &[own, cookie], &[header, ("X-Other", "1")]] {
            let answer = get(guarded.server.address(), path, headers).await?;
            ensure!(answer.status == 200, "{headers:?}: {}", answer.status);
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_token_in_the_query_reads_and_publishes_only_where_that_is_configured() -> Result<()> {
    within(60, async {
        let token = sign(&content()?)?;
        for (option, reads, publishes) in [
            ("", 200, 403),
            ("in_query = \"reading\"", 200, 403),
            ("in_query = \"always\"", 200, 200),
            ("in_query = \"never\"", 400, 400),
        ] {
            let guarded = Guarded::start("", option, &[]).await?;
            let address = guarded.server.address();
            let path = format!("/poll?channel=room.a&wait=0&token={token}");
            let answer = get(address, &path, &[]).await?;
            ensure!(answer.status == reads, "{option}: {}", answer.status);
            let path = format!("/publish/room.a?token={token}");
            let answer = post(address, &path, &[], b"x").await?;
            ensure!(answer.status == publishes, "{option}: {}", answer.status);
            let text = answer.text().await?;
            ensure!(!text.contains(&token), "{text}");
            ensure!(publishes == 200 || text.contains("Authorization: Bearer TOKEN"), "{text}");
        }
        Ok(())
    })
    .await
}
