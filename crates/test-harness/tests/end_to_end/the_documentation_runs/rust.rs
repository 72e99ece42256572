//! The lines of Rust in `docs/getting-started.md`, compiled and run as they stand there.

use super::blocks::{Block, documentation};
use anyhow::{Context as _, Result, ensure};
use std::{
    net::SocketAddr,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tidewire_test_harness::{peers::http::publish, server::Server};
use tokio::time::sleep;

/// The client as those lines know it, with the test's server for that at port 8080.
mod tidewire_client {
    pub(super) struct Client;

    impl Client {
        #[expect(clippy::new_ret_no_self, reason = "it stands for the client's own")]
        pub(super) fn new(
            base: &str,
        ) -> Result<::tidewire_client::Client, ::tidewire_client::BuildError> {
            let address = super::ADDRESS.get().map(ToString::to_string).unwrap_or_default();
            ::tidewire_client::Client::new(&base.replace("127.0.0.1:8080", &address))
        }
    }
}

/// Counts what the lines print.
macro_rules! println {
    ($($argument:tt)*) => {{
        drop(format!($($argument)*));
        PRINTED.fetch_add(1, Ordering::SeqCst);
    }};
}

#[rustfmt::skip]
async fn as_the_page_says() -> Result<()> {
let client = tidewire_client::Client::new("http://127.0.0.1:8080")?;
client.publish("chat.room1").text("hi").send().await?;
let mut deliveries = client.subscribe_raw(["chat.*"]).since("5m".parse()?).stream();
while let Some(delivery) = futures_util::StreamExt::next(&mut deliveries).await {
    println!("{:?}", delivery?); // a message, or a gap notice
}
Ok(())
}

/// Whether the function above is that block, line by line.
pub(super) fn is_compiled_here(block: &Block) -> bool {
    let this = include_str!("rust.rs");
    let body = this.split("async fn as_the_page_says() -> Result<()> {\n").nth(1);
    body.and_then(|body| body.split("Ok(())\n").next()) == Some(&block.text)
}

pub(super) async fn run() -> Result<()> {
    let blocks = documentation()?;
    let shown = blocks.iter().find(|block| block.page == PAGE && block.language == "rust");
    ensure!(shown.is_some_and(is_compiled_here), "the lines of {PAGE} are not those here");
    let server = Server::start(&[]).await?;
    ADDRESS.set(server.address()).ok().context("it runs once")?;
    let published = async {
        // The one of its own, and one that comes later.
        while PRINTED.load(Ordering::SeqCst) < 2 {
            publish(server.address(), "chat.room2", "later").await?;
            sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    };
    tokio::select! {
        outcome = as_the_page_says() => outcome.and_then(|()| anyhow::bail!("it ended")),
        outcome = published => outcome,
    }
}

const PAGE: &str = "docs/getting-started.md";

static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
static PRINTED: AtomicUsize = AtomicUsize::new(0);
