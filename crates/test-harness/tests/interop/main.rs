//! Other people's clients against the real binary. By night, or by `cargo xtask interop`, which installs them.
//!
//! Arguments are parts of clients' names; `--write` renews the table of `docs/interop.md`. Without it, a cell of the table that
//! got worse is an error.
#![allow(clippy::indexing_slicing, reason = "a member that a JSON value does not have is null")]

mod clients;
mod running;
mod scenario;
mod world;

use anyhow::{Context as _, Result, bail};
use clients::{CLIENTS, Client};
use futures_util::{StreamExt as _, stream};
use std::{fs, path::Path, process::ExitCode};
use tidewire_test_harness::interop::{NO, Row, parse, renewed, worse};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let (mut filters, mut is_writing) = (Vec::new(), false);
    for word in std::env::args().skip(1) {
        match word.as_str() {
            "--write" => is_writing = true,
            flag if flag.starts_with('-') => bail!("`interop` knows `--write`, not `{flag}`"),
            _ => filters.push(word),
        }
    }
    if is_writing && !filters.is_empty() {
        bail!("`--write` renews the whole table, so it needs a run of all clients");
    }
    let fits = |client: &&Client| {
        let text = format!("{} {} {}", client.name, client.wire, client.program);
        filters.is_empty() || filters.iter().any(|part| text.contains(part.as_str()))
    };
    let chosen: Vec<&Client> = CLIENTS.iter().filter(fits).collect();
    if chosen.is_empty() {
        bail!("no client is called `{}`", filters.join(" "));
    }
    let mut running = stream::iter(chosen).map(examine).buffered(AT_ONCE);
    let mut rows = Vec::new();
    while let Some(row) = running.next().await {
        rows.push(row?);
    }
    conclude(&rows, is_writing, filters.is_empty())
}

/// Runs a client, and says what it could do.
async fn examine(client: &Client) -> Result<Row> {
    let name = format!("{} ({})", client.name, client.wire);
    let found = scenario::run(client).await.with_context(|| name.clone())?;
    let cell = |is_met: bool, how: &str| (if is_met { how } else { NO }).to_owned();
    let token = found.token.unwrap_or(NO);
    let cells = [
        cell(found.has_subscribed, "yes"),
        cell(found.has_published, client.publishes),
        cell(found.loss.is_none(), client.resumes),
        token.to_owned(),
    ];
    println!("{name} {}: {}", found.version, cells.join(", "));
    if let Some(loss) = found.loss {
        println!("  {}", loss.replace('\n', "\n  "));
    }
    let (version, remarks) = (found.version, client.remarks.to_owned());
    Ok(Row {
        client: client.name.to_owned(),
        version,
        wire: client.wire.to_owned(),
        cells,
        remarks,
    })
}

/// Writes the page, or compares with it.
fn conclude(rows: &[Row], is_writing: bool, is_whole: bool) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/interop.md");
    let page = fs::read_to_string(&path).context("reading docs/interop.md")?;
    if is_writing {
        fs::write(&path, renewed(&page, rows)?)?;
        println!("wrote docs/interop.md");
        return Ok(());
    }
    let findings = worse(&parse(&page)?, rows, is_whole);
    if !findings.is_empty() {
        bail!("{} cells differ from docs/interop.md:\n  {}", findings.len(), findings.join("\n  "));
    }
    println!("{} clients can do what docs/interop.md says", rows.len());
    Ok(())
}

/// They mostly wait; Chromium does not.
const AT_ONCE: usize = 3;
