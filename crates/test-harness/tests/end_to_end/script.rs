//! `web/client/tidewire.js` in a page of Chromium, connected through a proxy that can fail.

use crate::browser::Page;
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::{net::SocketAddr, ops::Range};
use tidewire_test_harness::{
    peers::http::publish_all,
    proxy::{Ending, Faults, Flow, Proxy},
    server::Server,
};

/// A page with one subscription of `web/client/tidewire.js`, and what that has reported.
pub(crate) struct Script {
    pub(crate) page: Page,
    pub(crate) proxy: Proxy,
    server: Server,
}

const PAGE: &str = "<!doctype html><title>a</title><script>
const received = [], positions = [], gaps = [], states = [], reasons = [];
let tide, subscription, atGap = () => {};
const onstate = ({ name, reason }) => { states.push(name); reasons.push(reason); };
const follow = ({ wire, channels, since }) => import('/assets/tidewire.js').then(({ connect }) => {
  tide = connect(location.origin, { wires: [wire], onstate });
  try {
    subscription = tide.subscribe(channels, { since,
      onmessage({ data, position }) { received.push(data); positions.push(position); },
      ongap(gap) { gaps.push(gap); atGap(); },
      onerror() {},
    });
  } catch ({ message }) {
    onstate({ name: 'refused', reason: message });
  }
  // The subscription cannot leave the page.
  return true;
});
</script>";

impl Script {
    pub(crate) async fn start(arguments: &[&str]) -> Result<Self> {
        let server = Server::start(arguments).await?;
        let proxy = Proxy::start(server.address()).await?;
        let mut page = Page::start(&[]).await?;
        page.show(&format!("http://{}/health/live", proxy.address()), PAGE).await?;
        Ok(Self { page, proxy, server })
    }

    /// The server itself, without the proxy.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Subscribes with these options of `subscribe`.
    pub(crate) async fn follow(&mut self, options: Value) -> Result<()> {
        self.page.call("evaluate", json!([format!("follow({options})")])).await?;
        Ok(())
    }

    /// Publishes the numbers of `range`, one by one, to each of `channels` in turn.
    pub(crate) async fn publish(&self, channels: &[&str], range: Range<usize>) -> Result<()> {
        let channel = |number: usize| channels.get(number % channels.len());
        let messages = range.map(|number| Some((*channel(number)?, number.to_string())));
        let messages: Option<Vec<_>> = messages.collect();
        publish_all(self.address(), messages.context("no channel")?).await?;
        Ok(())
    }

    /// Cuts the page off, and publishes `range` before it can reach the server again.
    pub(crate) async fn publish_while_cut_off(
        &mut self,
        ending: Ending,
        channels: &[&str],
        range: Range<usize>,
    ) -> Result<()> {
        let losses = self.losses().await?;
        self.proxy.set(Faults { up: Flow::Stalled, ..Faults::default() });
        self.proxy.cut(ending);
        self.page.until(&format!("{LOSSES} > {losses}")).await?;
        self.publish(channels, range).await?;
        self.proxy.set(Faults::default());
        Ok(())
    }

    /// How often the subscription has lost its connection.
    pub(crate) async fn losses(&mut self) -> Result<u64> {
        let losses = self.page.call("evaluate", json!([LOSSES])).await?;
        losses.as_u64().context("no number")
    }

    /// Waits until the last of the numbers below `count` has arrived, and checks that each of them
    /// came once and in order, without a gap.
    pub(crate) async fn expect_numbers(&mut self, count: usize) -> Result<()> {
        let last = count.checked_sub(1).context("nothing to expect")?;
        self.page.until(&format!("received.includes('{last}')")).await?;
        let received = self.page.call("evaluate", json!(["received.join(' ')"])).await?;
        let numbers: Vec<String> = (0..count).map(|number| number.to_string()).collect();
        ensure!(
            received == json!(numbers.join(" ")),
            "of {count} messages these arrived: {received}"
        );
        let gaps = self.page.call("evaluate", json!(["gaps"])).await?;
        ensure!(gaps == json!([]), "{gaps}");
        Ok(())
    }
}

/// How often the subscription has lost its connection, as an expression.
pub(crate) const LOSSES: &str = "states.filter((state) => state === 'waiting').length";
