//! `web/client/tidewire.js` with channels that select the same messages, through faults drawn from a seed.

use crate::{
    common::within,
    script::{LOSSES, Script},
};
use anyhow::{Context as _, Result};
use fastrand::Rng;
use serde_json::json;
use tidewire_test_harness::proxy::{Break, Ending, Faults, Flow};

async fn survive(wire: &str, seeds: std::ops::Range<u64>) -> Result<()> {
    for seed in seeds {
        let outcome = within(60, survive_one(wire, &mut Rng::with_seed(seed))).await;
        outcome.with_context(|| format!("seed {seed}"))?;
    }
    Ok(())
}

async fn survive_one(wire: &str, rng: &mut Rng) -> Result<()> {
    let mut script = Script::start(&["--heartbeat", "300ms"]).await?;
    // `>` selects everything, the others some of it again.
    let mut channels = vec![">"];
    channels.extend((0..rng.usize(1..4)).filter_map(|_| rng.choice(PATTERNS)));
    rng.shuffle(&mut channels);
    let (since, mut count) = rng.choice([("now", 0), ("earliest", 200)]).context("no place")?;
    script.publish(&CHANNELS, 0..count).await?;
    script.follow(json!({"wire": wire, "channels": channels, "since": since})).await?;
    script.page.until("states.includes('live')").await?;
    for _ in 0..FAULTS {
        let losses = script.losses().await?;
        let down_bytes = rng.u64(0..4_000);
        let ending = if rng.bool() { Ending::End } else { Ending::Reset };
        let (up, down) = match rng.u8(..3) {
            // Dead in one direction or both, and neither end is informed.
            0 => (Flow::Free, Flow::Swallowed),
            1 => (Flow::Swallowed, Flow::Swallowed),
            _ => (Flow::Free, Flow::Free),
        };
        let is_cut = down == Flow::Free;
        let break_after = is_cut.then_some(Break { down_bytes, ending });
        // Some of it is on its way when the fault comes, the rest is published while it lasts.
        let (before, during) = (rng.usize(0..20), rng.usize(1..40));
        script.publish(&CHANNELS, count..count + before).await?;
        script.proxy.set(Faults { up, down, break_after, through: None });
        if is_cut {
            script.proxy.cut(ending);
        }
        script.publish(&CHANNELS, count + before..count + before + during).await?;
        script.page.until(&format!("{LOSSES} > {losses}")).await?;
        script.proxy.set(Faults::default());
        if !is_cut {
            // What it has asked for meanwhile was swallowed, and it would wait long for the answer.
            script.proxy.cut(ending);
        }
        count += before + during;
        script.expect_numbers(count).await?;
    }
    Ok(())
}

#[tokio::test]
async fn tidewire_js_survives_faults_by_seed_by_events() -> Result<()> {
    survive("sse", 0..2).await
}

#[tokio::test]
async fn tidewire_js_survives_faults_by_seed_by_websocket() -> Result<()> {
    survive("websocket", 10..12).await
}

const CHANNELS: [&str; 4] = ["a", "a.b", "b", "a.b.c"];

const PATTERNS: [&str; 7] = ["a", "a.b", "a.*", "*", "a.>", "*.b", ">"];

/// Each of them makes the client wait longer before it comes back.
const FAULTS: usize = 3;
