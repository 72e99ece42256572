//! Presence on the real binary: subscribers receive joins and leaves, pages list the members, and both agree.

use crate::{
    browser::Page,
    common::{check_problem, within},
};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, net::SocketAddr};
use tidewire_test_harness::{
    peers::{
        http::{Answer, get},
        websocket::{Frame, Socket},
    },
    proxy::{Faults, Flow, Proxy},
    server::Server,
};

/// A server whose channels `room.…` have presence, published ten times a second.
async fn serve(arguments: &[&str]) -> Result<Server> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("tidewire.toml");
    fs::write(&path, "presence_interval = \"100ms\"\n[channels.\"room.>\"]\npresence = true")?;
    // Read at the start, and never again.
    let config = ["--config", path.to_str().context("the folder is not UTF-8")?];
    Server::start(&[&config, arguments].concat()).await
}

/// A subscriber to the joins and leaves of `room.a`, from the first one on.
async fn watcher(address: SocketAddr) -> Result<Socket> {
    let (mut socket, _) = Socket::speak(address).await?;
    let ask =
        json!({"type": "subscribe", "id": 1, "channel": "$presence.room.a", "since": "earliest"});
    socket.send(Frame::text(ask.to_string())).await?;
    ensure!(received(&mut socket).await?["type"] == "subscribed");
    Ok(socket)
}

/// The next frame that is not a heartbeat.
async fn received(socket: &mut Socket) -> Result<Value> {
    loop {
        let event = socket.json().await?.context("it was closed")?;
        if event["type"] != "position" {
            return Ok(event);
        }
    }
}

/// Somebody who follows `room.a` by events.
async fn come(address: SocketAddr, query: &str) -> Result<Answer> {
    let answer = get(address, &format!("/events?channel=room.a{query}"), &[]).await?;
    ensure!(answer.status == 200, "{}", answer.text().await?);
    Ok(answer)
}

async fn page(address: SocketAddr, query: &str) -> Result<Value> {
    get(address, &format!("/channels/room.a/presence{query}"), &[]).await?.json().await
}

#[tokio::test]
async fn who_comes_and_who_leaves() -> Result<()> {
    within(30, async {
        let server = serve(&[]).await?;
        let address = server.address();
        let mut watcher = watcher(address).await?;
        let ada = come(address, "&user=ada&info=%7B%22colour%22:%22red%22%7D").await?;
        let joined = received(&mut watcher).await?;
        let member = &joined["data"];
        ensure!(member["user"] == "ada" && member["info"] == json!({"colour": "red"}), "{joined}");
        ensure!(joined["key"] == member["connection"] && member["since"].is_u64(), "{joined}");
        let there = page(address, "").await?;
        let same =
            json!({"channel": "room.a", "members": [member], "position": joined["position"]});
        ensure!(there == same, "{there}");

        drop(ada);
        let left = received(&mut watcher).await?;
        ensure!(left["key"] == joined["key"] && left.get("data").is_none(), "{left}");
        ensure!(page(address, "").await?["members"] == json!([]));
        let since = format!("?since={}", joined["position"].as_str().context("no position")?);
        ensure!(page(address, &since).await?["left"] == json!([joined["key"]]));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_cannot_be_listed_is_a_problem() -> Result<()> {
    within(30, async {
        let server = serve(&[]).await?;
        let address = server.address();
        let off = get(address, "/channels/lobby/presence", &[]).await?;
        let detail = check_problem(off, 404, "not_found").await?;
        ensure!(detail.contains("presence = true"), "{detail}");
        let all = get(address, "/channels/room.*/presence", &[]).await?;
        check_problem(all, 400, "bad_channel").await?;
        for (path, word) in [
            ("/events?user=a%0Ab", "user"),
            ("/stream?info=%7B", "info"),
            ("/poll?info=%7B", "info"),
        ] {
            let detail = check_problem(get(address, path, &[]).await?, 400, "bad_request").await?;
            ensure!(detail.starts_with(word), "{detail}");
        }
        let long = format!("/events?info=%22{}%22", "x".repeat(1_023));
        check_problem(get(address, &long, &[]).await?, 400, "bad_request").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn who_vanishes_without_a_word_once_no_pong_comes() -> Result<()> {
    within(30, async {
        let server = serve(&["--heartbeat", "500ms", "--pong-wait", "500ms"]).await?;
        let mut watcher = watcher(server.address()).await?;
        let proxy = Proxy::start(server.address()).await?;
        let vanished = Socket::open(proxy.address(), "/ws?channel=room.a").await?;
        let joined = received(&mut watcher).await?;
        // What the server says arrives; what the client says does not, nor its end.
        proxy.set(Faults { up: Flow::Swallowed, ..Faults::default() });
        drop(vanished);
        let left = received(&mut watcher).await?;
        ensure!(left["key"] == joined["key"] && left.get("data").is_none(), "{left}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_member_that_joins_and_leaves_all_the_time_is_published_now_and_then() -> Result<()> {
    within(30, async {
        let server = serve(&[]).await?;
        let mut watcher = watcher(server.address()).await?;
        let (mut restless, welcome) = Socket::speak(server.address()).await?;
        for _ in 0..500 {
            for kind in ["subscribe", "unsubscribe"] {
                let ask = json!({"type": kind, "id": 1, "channel": "room.a"});
                restless.send(Frame::text(ask.to_string())).await?;
                received(&mut restless).await?;
            }
        }
        let last = json!({"type": "subscribe", "id": 2, "channel": "room.a", "info": "last"});
        restless.send(Frame::text(last.to_string())).await?;
        let mut count = 1;
        while received(&mut watcher).await?["data"]["info"] != "last" {
            count += 1;
        }
        ensure!(count < 50, "{count} messages for 1,000 changes");
        let there = page(server.address(), "").await?;
        ensure!(there["members"][0]["connection"] == welcome["connection"], "{there}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn who_was_there_when_the_server_was_killed_has_left_when_it_is_back() -> Result<()> {
    within(60, async {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        let data = ["--data", data.to_str().context("the folder is not UTF-8")?];
        let mut server = serve(&data).await?;
        let _there = come(server.address(), "").await?;
        let joined = received(&mut watcher(server.address()).await?).await?;
        server.kill().await?;

        let server = serve(&data).await?;
        let mut watcher = watcher(server.address()).await?;
        let _new = come(server.address(), "").await?;
        let came = loop {
            let event = received(&mut watcher).await?;
            if event["key"] != joined["key"] {
                break event;
            }
        };
        let there = page(server.address(), "").await?;
        ensure!(there["members"] == json!([came["data"]]), "{there}");
        let since = format!("?since={}", joined["position"].as_str().context("no position")?);
        let since = page(server.address(), &since).await?;
        ensure!(since["left"] == json!([joined["key"]]), "{since}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn many_page_by_page() -> Result<()> {
    within(60, async {
        let server = serve(&[]).await?;
        let address = server.address();
        let mut there = Vec::new();
        for n in 0..50 {
            there.push(come(address, &format!("&user=u{n}")).await?);
        }
        let mut watcher = watcher(address).await?;
        let mut names = BTreeSet::new();
        while names.len() < 50 {
            names.insert(received(&mut watcher).await?["key"].to_string());
        }
        let (mut paged, mut query) = (BTreeSet::new(), "?limit=7".to_owned());
        loop {
            let page = page(address, &query).await?;
            let members = page["members"].as_array().context("no members")?;
            ensure!(members.len() <= 7);
            paged.extend(members.iter().map(|member| member["connection"].to_string()));
            if there.len() == 50 {
                // A member of the first page leaves; a later page says so.
                drop(there.remove(0));
                received(&mut watcher).await?;
            }
            for left in page["left"].as_array().into_iter().flatten() {
                ensure!(paged.remove(&left.to_string()), "{left} was never there");
            }
            if page.get("more").is_none() {
                break;
            }
            query = format!("?limit=7&since={}", page["position"].as_str().context("no position")?);
        }
        ensure!(paged.len() == 49 && paged.is_subset(&names), "{paged:?}");
        ensure!(
            page(address, "?limit=1000").await?["members"].as_array().map(Vec::len) == Some(49)
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_page_that_says_who_it_is() -> Result<()> {
    within(90, async {
        let server = serve(&[]).await?;
        let mut watcher = watcher(server.address()).await?;
        let mut browser = Page::start(&[]).await?;
        browser.call("goto", json!([format!("http://{}/", server.address())])).await?;
        let follow = "import('/assets/tidewire.js').then(({ connect }) => {
            for (const wire of ['sse', 'websocket'])
                connect(location.origin, { wires: [wire], user: wire, info: 0 }).subscribe('room.a');
        })";
        browser.call("evaluate", json!([follow])).await?;
        let mut users = BTreeSet::new();
        for _ in 0..2 {
            let joined = received(&mut watcher).await?;
            ensure!(joined["data"]["info"] == 0, "{joined}");
            users.insert(joined["data"]["user"].to_string());
        }
        ensure!(users.len() == 2, "{users:?}");
        let ask = "import('/assets/tidewire.js').then(async ({ connect }) => {
            const { members } = await connect(location.origin).ask('channels/room.a/presence');
            return members.map(({ user }) => user).sort().join();
        })";
        let there = browser.call("evaluate", json!([ask])).await?;
        ensure!(there == "sse,websocket", "{there}");
        ensure!(browser.failures.is_empty(), "{:?}", browser.failures);
        Ok(())
    })
    .await
}
