//! Our codecs beside others: the same buffers and the same run. A codec that decodes less than ours is not
//! measured.
//!
//! `cargo xtask bench codecs` runs all of it, and writes a record and a chart. With an argument it
//! runs the cases whose group or name holds that, and writes nothing.

mod case;
mod chart;
mod events;
mod floor;
mod goals;
mod input;
mod observer;
mod pipe;
mod record;
mod rounds;
mod table;
mod websocket;

use anyhow::{Context as _, Result, ensure};
use case::Case;

fn main() -> Result<()> {
    let pattern = std::env::args().nth(1);
    let is_chosen = |case: &Case| {
        pattern.as_ref().is_none_or(|text| case.group.contains(text) || case.name.contains(text))
    };
    let cases = websocket::cases().into_iter().chain(events::cases());

    let mut results = Vec::new();
    for case in cases.filter(is_chosen) {
        let measured = rounds::measure(case);
        table::print(&measured);
        results.push(measured);
    }
    ensure!(!results.is_empty(), "no case or group is called so");
    goals::print(&results);
    if pattern.is_none() {
        let record = record::write(&results).context("writing the record")?;
        let chart = chart::draw(&results, &record.title()).context("drawing the chart")?;
        println!("\n{}\n{}", record.path.display(), chart.display());
    }
    Ok(())
}
