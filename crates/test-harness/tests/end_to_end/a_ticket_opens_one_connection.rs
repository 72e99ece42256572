//! `POST /tickets`: what a page puts into a URL in place of its token opens one connection, once, however often it is tried.

use crate::{
    common::{check_problem, within},
    guarded::Guarded,
    renewing::{Stream, post, publish, token},
};
use anyhow::{Context as _, Result, ensure};
use futures_util::future::join_all;
use tidewire_test_harness::peers::{
    http::{self, get},
    websocket::Socket,
};

/// A ticket for what `token` allows.
async fn ticket(guarded: &Guarded, token: &str) -> Result<String> {
    let answer = post(guarded.server.address(), "/tickets", token, "").await?.json().await?;
    ensure!(answer["expires_in_ms"] == 30_000, "{answer}");
    Ok(answer["ticket"].as_str().context("no ticket")?.to_owned())
}

#[tokio::test]
async fn a_ticket_opens_each_wire_once_with_what_its_token_allows() -> Result<()> {
    within(60, async {
        let guarded = Guarded::start("", "", &[]).await?;
        let address = guarded.server.address();
        let mine = token("u7", &["a"], 600)?;
        for path in ["/events?channel=a", "/stream?channel=a", "/poll?channel=a&wait=0"] {
            let ticket = ticket(&guarded, &mine).await?;
            ensure!(ticket.len() == 22, "{ticket}");
            let path = format!("{path}&ticket={ticket}");
            // None of these opens anything, so none of them uses it up.
            let head = format!("HEAD {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
            ensure!(http::exchange(address, head.as_bytes()).await?.status == 200, "{path}");
            for more in ["&since=nowhere", "&channel=a..b", "&channel=b", "&colour=1"] {
                let status = get(address, &format!("{path}{more}"), &[]).await?.status;
                ensure!([400, 403].contains(&status), "{path}{more}: {status}");
            }
            ensure!(get(address, &path, &[]).await?.status == 200, "{path}");
            check_problem(get(address, &path, &[]).await?, 401, "unauthorized").await?;
        }
        let once = ticket(&guarded, &mine).await?;
        let path = format!("/ws?channel=a&format=json&ticket={once}");
        let mut socket = Socket::open(address, &path).await?;
        publish(&guarded, "a", "by a ticket").await?;
        while socket.json().await?.context("closed")?["data"] != "by a ticket" {}
        ensure!(Socket::open(address, &path).await.is_err());
        let elsewhere = ticket(&guarded, &mine).await?;
        let answer = get(address, &format!("/events?channel=b&ticket={elsewhere}"), &[]).await?;
        check_problem(answer, 403, "forbidden").await?;
        let printed = guarded.server.output().text();
        for secret in [&mine, &once, &elsewhere] {
            ensure!(!printed.contains(secret.as_str()), "{printed}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn of_many_requests_with_one_ticket_one_is_answered() -> Result<()> {
    within(60, async {
        let guarded =
            Guarded::start("workers = 4\nfailed_tokens_per_address = \"off\"", "", &[]).await?;
        let mine = token("u7", &["a"], 600)?;
        for _ in 0..10 {
            let path = format!("/events?channel=a&ticket={}", ticket(&guarded, &mine).await?);
            let answers =
                join_all((0..40).map(|_| get(guarded.server.address(), &path, &[]))).await;
            let statuses: Vec<u16> =
                answers.iter().map(|answer| answer.as_ref().map_or(0, |it| it.status)).collect();
            let opened = statuses.iter().filter(|status| **status == 200).count();
            let refused = statuses.iter().filter(|status| **status == 401).count();
            ensure!((opened, refused) == (1, 39), "{statuses:?}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_guess_learns_nothing() -> Result<()> {
    within(60, async {
        let guarded = Guarded::start("", "", &[]).await?;
        let mine = token("u7", &["a"], 600)?;
        let used = ticket(&guarded, &mine).await?;
        let ask = |ticket: &str| {
            let path = format!("/events?channel=a&ticket={ticket}");
            let address = guarded.server.address();
            async move { get(address, &path, &[]).await }
        };
        ensure!(ask(&used).await?.status == 200);
        let mut answers = Vec::new();
        for guess in [&used, "AAAAAAAAAAAAAAAAAAAAAA", "x", "", "%C3%A9", &"A".repeat(5_000)] {
            let answer = ask(guess).await?;
            let mut headers = answer.headers.clone();
            headers.retain(|(name, _)| !["date", "x-request-id"].contains(&&**name));
            headers.sort();
            let detail = check_problem(answer, 401, "unauthorized").await?;
            answers.push((headers, detail));
        }
        answers.dedup();
        ensure!(answers.len() == 1, "{answers:?}");
        let refused = http::post(guarded.server.address(), "/tickets", &[], b"").await?;
        check_problem(refused, 401, "unauthorized").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn one_subject_cannot_use_up_the_tickets_of_all() -> Result<()> {
    within(60, async {
        let guarded = Guarded::start("", "", &[]).await?;
        let mine = token("u7", &["a"], 600)?;
        for _ in 0..100 {
            ticket(&guarded, &mine).await?;
        }
        let refused = post(guarded.server.address(), "/tickets", &mine, "").await?;
        ensure!(refused.header("retry-after").is_some(), "{:?}", refused.headers);
        check_problem(refused, 429, "overloaded").await?;
        let others = token("u8", &["a"], 600)?;
        let path = format!("/events?channel=a&ticket={}", ticket(&guarded, &others).await?);
        Stream::of(get(guarded.server.address(), &path, &[]).await?)?.renewal_id().await?;
        Ok(())
    })
    .await
}
