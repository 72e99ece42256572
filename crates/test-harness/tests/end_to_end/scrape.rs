//! The metrics of a server, as a scrape shows them.

use anyhow::{Context as _, Result, bail, ensure};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tidewire_test_harness::peers::http;
use tokio::time::sleep;

/// Each series, such as `tidewire_gaps_total{reason="expired"}`, and its value.
pub(crate) type Series = BTreeMap<String, f64>;

/// Reads the metrics of a server.
pub(crate) async fn scrape(address: SocketAddr) -> Result<Series> {
    let headers = [("Accept", "application/openmetrics-text; version=1.0.0")];
    let answer = http::get(address, "/metrics", &headers).await?;
    let status = answer.status;
    let text = answer.text().await?;
    ensure!(status == 200, "answered with {status}: {text}");
    ensure!(text.ends_with("# EOF\n"), "the end is missing: {text}");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').context("no value")?;
            Ok((series.to_owned(), value.parse()?))
        })
        .collect()
}

/// The value of one series, which has to be there.
pub(crate) fn value(series: &Series, name: &str) -> Result<f64> {
    series.get(name).copied().with_context(|| format!("there is no {name}"))
}

/// Checks that series have these values, and lists all that have not.
pub(crate) fn check(series: &Series, expected: &[(&str, f64)]) -> Result<()> {
    let is_wrong = |(name, value): &&(&str, f64)| series.get(*name) != Some(value);
    let wrong: Vec<_> = expected.iter().filter(is_wrong).collect();
    let found: Vec<_> = wrong.iter().map(|(name, _)| (name, series.get(*name))).collect();
    ensure!(wrong.is_empty(), "expected {wrong:?}, found {found:?}");
    Ok(())
}

/// Waits until a series has a value.
pub(crate) async fn becomes(address: SocketAddr, name: &str, expected: f64) -> Result<()> {
    let begin = Instant::now();
    loop {
        let found = scrape(address).await?.get(name).copied();
        if found == Some(expected) {
            return Ok(());
        }
        if begin.elapsed() > Duration::from_secs(20) {
            bail!("{name} is {found:?}, not {expected}");
        }
        sleep(Duration::from_millis(20)).await;
    }
}
