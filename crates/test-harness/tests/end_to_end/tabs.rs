//! Pages with `web/client/` in a real browser, connected through a proxy that can fail.
//!
//! Each page follows the same channel and keeps in the storage of its tab what it was given, so that a page that is loaded
//! again goes on where it was.

use crate::browser::Page;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use std::{
    env,
    net::SocketAddr,
    ops::Range,
    time::{Duration, Instant},
};
use tidewire_test_harness::{
    peers::http::{self, publish_all},
    proxy::Proxy,
    server::Server,
};
use tokio::time::sleep;

/// A browser with some tabs.
pub(crate) struct Tabs {
    pub(crate) browser: Page,
    pub(crate) proxy: Proxy,
    pub(crate) server: Server,
    /// Those that are open, by the browser's numbers.
    pub(crate) open: Vec<usize>,
}

/// `received` is everything that the tab was given since it was opened, over all its pages.
const PAGE: &str = "<!doctype html><title>a</title><script>
const received = JSON.parse(sessionStorage.received ?? '[]'), gaps = [], states = [];
let tide, subscription;
const follow = (options) => import('/assets/client/tidewire.js').then(({ connect }) => {
  tide = connect(location.origin, { ...options, onstate: ({ name }) => states.push(name) });
  subscription = tide.subscribe('numbers', { since: sessionStorage.position ?? 'now',
    onmessage({ data }) {
      received.push(data);
      sessionStorage.received = JSON.stringify(received);
      sessionStorage.position = subscription.position;
    },
    ongap: (gap) => gaps.push(gap),
  });
  // The subscription cannot leave the page.
  return true;
});
</script>";

impl Tabs {
    /// Starts a browser in which that many tabs follow, with these options of `connect`.
    pub(crate) async fn start(count: usize, options: &Value) -> Result<Self> {
        let server = Server::start(&["--heartbeat", "500ms"]).await?;
        let proxy = Proxy::start(server.address()).await?;
        let browser = Page::start(&[]).await?;
        let mut tabs = Self { browser, proxy, server, open: Vec::new() };
        for tab in 0..count {
            if tab > 0 {
                tabs.browser.context("newPage", json!([])).await?;
            }
            tabs.open.push(tab);
            tabs.show(tab, options).await?;
        }
        tabs.all("states.at(-1) === 'live'").await?;
        Ok(tabs)
    }

    /// Loads the page in a tab.
    pub(crate) async fn show(&mut self, tab: usize, options: &Value) -> Result<()> {
        let url = format!("http://{}/health/live", self.proxy.address());
        self.browser.call_in(tab, "goto", json!([url])).await?;
        self.browser.call_in(tab, "setContent", json!([PAGE])).await?;
        self.browser.call_in(tab, "evaluate", json!([format!("follow({options})")])).await?;
        Ok(())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Publishes the numbers of `range`.
    pub(crate) async fn publish(&self, range: Range<usize>) -> Result<()> {
        let messages = range.map(|number| ("numbers", number.to_string()));
        publish_all(self.address(), messages).await?;
        Ok(())
    }

    /// Waits until an expression is true in each open tab.
    pub(crate) async fn all(&mut self, expression: &str) -> Result<()> {
        for tab in self.open.clone() {
            self.until(tab, expression).await?;
        }
        Ok(())
    }

    /// Waits until each open tab has been given the numbers below `count`, and checks that each of them came once and in
    /// order, and that nothing was written to a console as an error.
    pub(crate) async fn expect_numbers(&mut self, count: usize) -> Result<()> {
        let last = count.checked_sub(1).context("nothing to expect")?;
        let numbers: Vec<String> = (0..count).map(|number| number.to_string()).collect();
        for tab in self.open.clone() {
            self.until(tab, &format!("received.includes('{last}')")).await?;
            let received = self.value(tab, "received.join(' ')").await?;
            ensure!(received == json!(numbers.join(" ")), "tab {tab} received {received}");
            let gaps = self.value(tab, "gaps").await?;
            ensure!(gaps == json!([]), "tab {tab}: {gaps}");
        }
        let failures = &mut self.browser.failures;
        // A browser writes this itself when somebody tries to connect without a network.
        failures.retain(|failure| !failure.contains("ERR_INTERNET_DISCONNECTED"));
        ensure!(failures.is_empty(), "{failures:?}");
        Ok(())
    }

    pub(crate) async fn value(&mut self, tab: usize, expression: &str) -> Result<Value> {
        self.browser.call_in(tab, "evaluate", json!([expression])).await
    }

    /// How many connections follow the channel.
    pub(crate) async fn connections(&self) -> Result<usize> {
        let page = http::get(self.address(), "/connections?limit=1000", &[]).await?.json().await?;
        let all = page.get("connections").and_then(Value::as_array);
        Ok(all.with_context(|| format!("no connections: {page}"))?.len())
    }

    /// Closes the page of a tab.
    pub(crate) async fn close(&mut self, tab: usize) -> Result<()> {
        self.open.retain(|it| *it != tab);
        self.browser.call_in(tab, "close", json!([])).await?;
        Ok(())
    }

    async fn until(&mut self, tab: usize, expression: &str) -> Result<()> {
        let start = Instant::now();
        while self.value(tab, expression).await? != json!(true) {
            if start.elapsed() > PATIENCE {
                let story = self.value(tab, "JSON.stringify({ states, gaps, received })").await?;
                bail!(
                    "tab {tab} is never so: {expression}; but {story}; {:?}",
                    self.browser.failures
                );
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

/// How many tabs a test opens: ten, or what `TIDEWIRE_TABS` says.
pub(crate) fn tabs_count() -> usize {
    env::var("TIDEWIRE_TABS").ok().and_then(|count| count.parse().ok()).unwrap_or(10)
}

/// A client waits longer after each failure.
const PATIENCE: Duration = Duration::from_secs(40);
