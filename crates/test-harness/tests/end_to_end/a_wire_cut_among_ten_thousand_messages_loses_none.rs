//! Each wire through the proxy, which cuts it again and again while 10,000 messages come.

use crate::common::{check_numbers, publish_numbers, within};
use anyhow::{Result, bail, ensure};
use std::time::Duration;
use tidewire_test_harness::{
    peers::{Follower, Subscriber, Wire},
    proxy::{Break, Ending, Faults, Flow, Proxy},
    server::Server,
};
use tokio::time::interval;

const MESSAGES: usize = 10_000;
const CUTS_MIN: usize = 5;

/// Follows while `faults` hold, and every so often something is cut at any moment.
async fn cut(wires: &[Wire], faults: Faults, ending: Ending) -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let proxy = Proxy::start(server.address()).await?;
        proxy.set(faults);
        let start = Subscriber::open(Wire::Stream, server.address(), &["a"], None).await?;
        let mut follower = Follower::new(proxy.address(), &["a"], Wire::Sse, start.position())
            .over(wires.iter().copied());
        let cutting = async {
            let mut moments = interval(Duration::from_millis(100));
            loop {
                moments.tick().await;
                proxy.cut(ending);
            }
        };
        let following = async {
            futures_util::try_join!(
                publish_numbers(server.address(), "a", 0..MESSAGES),
                follower.messages(MESSAGES),
            )
        };
        let (_, messages) = tokio::select! {
            () = cutting => bail!("cutting does not end"),
            followed = following => followed?,
        };
        check_numbers(&messages, 0..MESSAGES)?;
        ensure!(follower.returns >= CUTS_MIN, "it was cut only {} times", follower.returns);
        Ok(())
    })
    .await
}

/// Cut after a number of bytes that is a prime: in heads, in ids and in payloads alike.
fn cut_by_bytes(ending: Ending) -> Faults {
    Faults { break_after: Some(Break { down_bytes: 60_013, ending }), ..Faults::default() }
}

/// So slow that something is always on its way.
fn slow() -> Faults {
    let pause = Duration::from_millis(1);
    Faults { down: Flow::Trickling { bytes_max: 4_000, pause }, ..Faults::default() }
}

#[tokio::test]
async fn an_event_stream_loses_none() -> Result<()> {
    cut(&[Wire::Sse], cut_by_bytes(Ending::Reset), Ending::End).await
}

#[tokio::test]
async fn a_websocket_loses_none() -> Result<()> {
    cut(&[Wire::WebSocket], cut_by_bytes(Ending::End), Ending::Reset).await
}

#[tokio::test]
async fn a_stream_loses_none() -> Result<()> {
    cut(&[Wire::Stream], cut_by_bytes(Ending::Reset), Ending::End).await
}

#[tokio::test]
async fn polls_lose_none() -> Result<()> {
    cut(&[Wire::Poll], slow(), Ending::Reset).await
}

#[tokio::test]
async fn another_wire_after_each_cut_loses_none() -> Result<()> {
    cut(&Wire::ALL, slow(), Ending::Reset).await
}
