//! A publisher at its limit of remembered ids is refused; others still publish with ids.

use crate::{
    common::{check_problem, within},
    guarded::{Guarded, content, sign},
};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use tidewire_test_harness::{
    peers::http::{Answer, exchange, post},
    server::Server,
};
use tokio::{io::AsyncWriteExt as _, net::TcpSocket};

#[tokio::test]
async fn one_publisher_uses_up_only_its_own_ids() -> Result<()> {
    within(60, async {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data").display().to_string();
        for place in [&["--workers", "1"][..], &["--workers", "1", "--data", &data]] {
            let server = Server::start(&[place, &["--publisher-ids-max", "100"]].concat()).await?;
            let address = server.address();
            let messages = (0..150).map(
                |id| json!({"channel": format!("a.{}", id % 7), "data": id, "message_id": format!("g{id}")}),
            );
            let body = json!({"messages": messages.collect::<Vec<_>>()}).to_string();
            let answer = from_elsewhere(address, "/publish", "", &body).await?.json().await?;
            let results = answer["results"].as_array().context("no results")?;
            let refused: Vec<&Value> = results.iter().filter(|one| one["error"].is_object()).collect();
            ensure!(refused.len() == 50, "{} of 150 are refused", refused.len());
            ensure!(refused.iter().all(|one| one["error"]["code"] == "overloaded"), "{refused:?}");
            // A repeat takes no further place, one more id does, and none is needed without.
            let repeat = from_elsewhere(address, "/publish/a.0", "Idempotency-Key: g0\r\n", "0").await?;
            ensure!(repeat.status == 409, "the text is not the JSON of before: {}", repeat.status);
            let more = from_elsewhere(address, "/publish/a.0", "Idempotency-Key: g150\r\n", "0").await?;
            let detail = check_problem(more, 429, "overloaded").await?;
            ensure!(detail.contains("100 ids of this publisher"), "{detail}");
            let bare = from_elsewhere(address, "/publish/a.0", "", "0").await?;
            ensure!(bare.status == 200, "without an id: {}", bare.status);
            let other = post(address, "/publish/a.0", &[("Idempotency-Key", "mine")], b"0").await?;
            ensure!(other.status == 200, "another publisher: {}", other.status);
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_subject_has_its_ids_wherever_it_publishes_and_shares_none_of_its_address() -> Result<()>
{
    within(60, async {
        let guarded = Guarded::start("publisher_ids_max = 2\nanonymous = true", "", &[]).await?;
        let address = guarded.server.address();
        let bearer = format!("Authorization: Bearer {}\r\n", sign(&content()?)?);
        let with_id = |id: &str| format!("{bearer}Idempotency-Key: {id}\r\n");
        let first = from_elsewhere(address, "/publish/room.a", &with_id("a"), "0").await?;
        let second = from_here(address, &with_id("b")).await?;
        ensure!((first.status, second.status) == (200, 200), "{} {}", first.status, second.status);
        let third = from_elsewhere(address, "/publish/room.a", &with_id("c"), "0").await?;
        check_problem(third, 429, "overloaded").await?;
        for id in ["d", "e"] {
            let stranger = from_here(address, &format!("Idempotency-Key: {id}\r\n")).await?;
            ensure!(stranger.status == 200, "{}", stranger.status);
        }
        Ok(())
    })
    .await
}

async fn from_here(address: SocketAddr, headers: &str) -> Result<Answer> {
    let head = format!("POST /publish/room.a HTTP/1.1\r\nHost: localhost\r\n{headers}");
    exchange(address, format!("{head}Content-Length: 1\r\n\r\n0").as_bytes()).await
}

/// Posts from an address of this machine that nobody else in the test has.
async fn from_elsewhere(
    address: SocketAddr,
    path: &str,
    headers: &str,
    body: &str,
) -> Result<Answer> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::new(127, 0, 0, 2), 0).into())?;
    let mut stream = socket.connect(address).await?;
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    Answer::read(stream).await
}
