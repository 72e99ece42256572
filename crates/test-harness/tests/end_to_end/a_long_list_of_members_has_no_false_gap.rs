//! Hundreds of members, listed in pages by the real binary while others join and leave: the list is whole in the end,
//! old removals are no gap, and too many new ones are.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    time::Duration,
};
use tidewire_test_harness::{
    peers::http::{Answer, get},
    server::Server,
};
use tokio::time::sleep;

/// A server that remembers the last forty who left a channel.
async fn serve(arguments: &[&str]) -> Result<Server> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("tidewire.toml");
    let config = "presence_interval = \"20ms\"\n[channels.\"room.>\"]\npresence = true\n\
                  [channels.\"$presence.>\"]\nretention_messages = 40";
    fs::write(&path, config)?;
    // Read at the start, and never again.
    let config = ["--config", path.to_str().context("the folder is not UTF-8")?];
    Server::start(&[&config, arguments].concat()).await
}

/// Who is on `room.a`, by the name that each gave.
struct Room {
    address: SocketAddr,
    there: BTreeMap<String, Answer>,
    came: usize,
}

impl Room {
    async fn come(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let name = format!("u{}", self.came);
            let path = format!("/events?channel=room.a&user={name}");
            let answer = get(self.address, &path, &[]).await?;
            ensure!(answer.status == 200, "{}", answer.text().await?);
            self.there.insert(name, answer);
            self.came += 1;
        }
        Ok(())
    }

    fn leave(&mut self, count: usize) {
        (0..count).for_each(|_| drop(self.there.pop_first()));
    }

    async fn page(&self, since: &str, limit: usize) -> Result<Value> {
        let path = format!("/channels/room.a/presence?since={since}&limit={limit}");
        get(self.address, &path, &[]).await?.json().await
    }

    /// Waits until a fresh list has exactly the members.
    async fn wait_until_published(&self) -> Result<()> {
        loop {
            let mut list = List::default();
            while list.turn(self, 1_000).await? {}
            if list.users()? == self.there.keys().cloned().collect() {
                return Ok(());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// What its pages have said so far.
#[derive(Default)]
struct List {
    members: BTreeMap<String, Value>,
    since: Option<String>,
}

impl List {
    /// Takes in one more page; false if there is no more.
    async fn turn(&mut self, room: &Room, limit: usize) -> Result<bool> {
        let page = room.page(self.since.as_deref().unwrap_or("earliest"), limit).await?;
        ensure!(page.get("gaps").is_none(), "behind {:?}: {page}", self.since);
        for left in page["left"].as_array().into_iter().flatten() {
            self.members.remove(left.as_str().context("no name")?);
        }
        for member in page["members"].as_array().context("no members")? {
            let connection = member["connection"].as_str().context("no connection")?;
            self.members.insert(connection.to_owned(), member["user"].clone());
        }
        self.since = page["position"].as_str().map(str::to_owned);
        Ok(page["more"] == true)
    }

    fn users(&self) -> Result<BTreeSet<String>> {
        let users = self.members.values().map(|user| user.as_str().map(str::to_owned));
        users.collect::<Option<_>>().context("somebody has no name")
    }
}

async fn list_among_comings_and_goings(arguments: &[&str]) -> Result<()> {
    let server = serve(arguments).await?;
    let mut room = Room { address: server.address(), there: BTreeMap::new(), came: 0 };
    // Some leaves are forgotten: their positions lie between those of members that stayed.
    for _ in 0..3 {
        room.come(100).await?;
        room.wait_until_published().await?;
        room.leave(30);
        room.wait_until_published().await?;
    }
    let (mut list, mut pages) = (List::default(), 0);
    while list.turn(&room, 50).await? {
        pages += 1;
        room.leave(5);
        room.come(5).await?;
        room.wait_until_published().await?;
        if pages == 1 {
            let plain = list.since.as_deref().and_then(|since| since.split_once('~'));
            let (plain, _) = plain.context("nothing says that this is the middle of a list")?;
            ensure!(room.page(plain, 1).await?["gaps"].is_array(), "the list proves nothing");
        }
    }
    ensure!(pages >= 4, "{pages} pages");
    ensure!(list.users()? == room.there.keys().cloned().collect());

    let mut late = List::default();
    late.turn(&room, 50).await?;
    room.leave(100);
    room.wait_until_published().await?;
    let page = room.page(&late.since.context("no position")?, 50).await?;
    ensure!(page["gaps"].is_array(), "{page}");
    Ok(())
}

#[tokio::test]
async fn in_memory() -> Result<()> {
    within(60, list_among_comings_and_goings(&[])).await
}

#[tokio::test]
async fn on_disk() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().to_str().context("the folder is not UTF-8")?;
    within(60, list_among_comings_and_goings(&["--data", data])).await
}
