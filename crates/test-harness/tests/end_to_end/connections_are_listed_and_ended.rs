//! `GET /connections`, `DELETE /connections/{id}` and `GET /messages/{position}/reach`: what an operator sees and ends.

use crate::{
    common::{check_problem, within},
    guarded::{Guarded, content, sign},
    stuck_reader::stuck_reader,
};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::net::SocketAddr;
use tidewire_test_harness::{
    peers::{
        http::{exchange, get, publish},
        websocket::{Frame, Socket},
    },
    server::{Server, command},
};

#[tokio::test]
async fn connections_are_listed_by_lag_and_ended_by_their_id() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        let _stuck = stuck_reader(address).await?;
        let mut quick = Socket::open(address, "/ws?channel=stuck").await?;
        let mut quiet = Socket::open(address, "/ws?channel=quiet&format=json").await?;
        let page = connections(address, "?limit=1").await?;
        let slowest = &page["connections"][0];
        ensure!((&page["total"], &slowest["transport"]) == (&3.into(), &"sse".into()), "{page}");
        ensure!(slowest["lag"].as_u64().is_some_and(|lag| lag > 0), "{page}");
        ensure!(slowest["channels"][0] == "stuck" && slowest["address"] == "127.0.0.1", "{page}");
        let next = page["next"].as_str().context("there are more")?;
        let rest = connections(address, &format!("?after={next}")).await?;
        let lags: Vec<_> = items(&rest)?.iter().map(|it| it["lag"].as_u64()).collect();
        ensure!(lags == [Some(0), Some(0)] && rest.get("next").is_none(), "{rest}");

        let mut top = command()?;
        top.args(["top", "--once", "--interval", "100ms", "--url", &server.url()]);
        let text = String::from_utf8(top.output().await?.stdout)?;
        let rows: Vec<_> = text.lines().filter(|line| line.contains("127.0.0.1  ")).collect();
        ensure!(rows.len() == 3 && rows[0].contains("stuck"), "{text}");
        ensure!(text.contains("connections 3 of ") && text.contains("MESSAGES/S"), "{text}");

        let position = publish(address, "stuck", "x").await?;
        quick.frame().await?.context("the message")?;
        let reach = get(address, &format!("/messages/{position}/reach"), &[]).await?.json().await?;
        ensure!((&reach["passed"], &reach["behind"]) == (&1.into(), &1.into()), "{reach}");
        ensure!(reach["channel"] == "stuck", "{reach}");
        for (path, status, code) in [
            ("/messages/1/reach", 400, "bad_position"),
            ("/messages/1-1/reach", 404, "not_found"),
            ("/connections?transport=poll", 400, "bad_request"),
            ("/connections?after=1", 400, "bad_request"),
        ] {
            check_problem(get(address, path, &[]).await?, status, code).await?;
        }

        let page = connections(address, "?channel=quiet").await?;
        let id = items(&page)?[0]["id"].as_str().context("no id")?;
        let ended = end(address, id, "").await?.json().await?;
        ensure!(ended["id"] == id && ended["position"] == position, "{ended}");
        let reason = loop {
            if let Frame::Close(close) = quiet.frame().await?.context("a close")? {
                break close.context("a reason")?.reason.to_string();
            }
        };
        let goodbye: Value = serde_json::from_str(&reason)?;
        ensure!(
            (&goodbye["position"], &goodbye["code"]) == (&position.into(), &4003.into()),
            "{goodbye}"
        );
        check_problem(end(address, id, "").await?, 404, "not_found").await?;
        check_problem(end(address, "nonsense", "").await?, 404, "not_found").await?;
        let foreign = end(address, id, "Origin: https://evil.example\r\n").await?;
        check_problem(foreign, 403, "forbidden").await?;
        let page = connections(address, "?transport=ws").await?;
        let id = items(&page)?[0]["id"].as_str().context("no id")?;
        ensure!(end(address, id, "").await?.status == 200);
        ensure!(quick.close_code().await? == 4003);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_list_has_users_and_no_name_that_renews() -> Result<()> {
    within(30, async {
        let guarded = Guarded::start("", "", &[]).await?;
        let address = guarded.server.address();
        let bearer = format!("Bearer {}", sign(&content()?)?);
        let mut stream =
            get(address, "/events?channel=room.a", &[("Authorization", &bearer)]).await?;
        let opening = stream.body.next().await?.context("the opening")?;
        let opening = String::from_utf8(opening)?;
        let (_, secret) = opening.split_once(r#""id":""#).context("the name that renews")?;
        let (secret, _) = secret.split_once('"').context("its end")?;
        let page = connections(address, "?user=u7").await?;
        ensure!(items(&page)?.len() == 1 && items(&page)?[0]["user"] == "u7", "{page}");
        ensure!(!page.to_string().contains(secret), "{page}");
        // As from another machine: it takes `admin`.
        let headers = [("X-Forwarded-For", "10.0.0.5"), ("Authorization", &*bearer)];
        check_problem(get(address, "/connections", &headers).await?, 403, "forbidden").await?;
        let id = items(&page)?[0]["id"].as_str().context("no id")?;
        let more = format!("X-Forwarded-For: 10.0.0.5\r\nAuthorization: {bearer}\r\n");
        check_problem(end(address, id, &more).await?, 403, "forbidden").await?;
        Ok(())
    })
    .await
}

async fn connections(address: SocketAddr, query: &str) -> Result<Value> {
    get(address, &format!("/connections{query}"), &[]).await?.json().await
}

fn items(page: &Value) -> Result<&Vec<Value>> {
    page["connections"].as_array().context("no list")
}

async fn end(
    address: SocketAddr,
    id: &str,
    headers: &str,
) -> Result<tidewire_test_harness::peers::http::Answer> {
    let request = format!("DELETE /connections/{id} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n");
    exchange(address, request.as_bytes()).await
}
