//! Which embedded store suits the engine: `cargo run --release --manifest-path benches/stores/Cargo.toml`.
//!
//! Arguments choose parts: `append steady open faults`, `open10m`, `full DIRECTORY` for a
//! directory on a small filesystem. The numbers that decided stand in the crate's README.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench may, as a test may")]

mod faults;
mod fjall;
mod load;
mod redb;
mod subject;

use anyhow::{Context, Result};
use faults::Damage;
use std::path::Path;
use subject::Subject;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [build, name, rows, directory] = &words[..]
        && build == "build"
    {
        let (rows, directory) = (rows.parse()?, Path::new(directory));
        return match name.as_str() {
            fjall::Fjall::NAME => load::build_and_crash::<fjall::Fjall>(directory, rows),
            _ => load::build_and_crash::<redb::Redb>(directory, rows),
        };
    }
    measure::<fjall::Fjall>(&words)?;
    measure::<redb::Redb>(&words)
}

fn measure<S: Subject>(words: &[String]) -> Result<()> {
    let home = tempfile::tempdir().context("a place for the stores")?;
    let others = [fjall::Fjall::NAME, redb::Redb::NAME];
    if words.iter().any(|word| others.contains(&word.as_str()) && word != S::NAME) {
        return Ok(());
    }
    let asked = |part| words.is_empty() || words.iter().any(|word| word == part);
    if asked("append") {
        load::append::<S>(home.path())?;
    }
    if asked("steady") {
        load::steady::<S>(home.path())?;
    }
    if asked("open") {
        load::open::<S>(home.path(), 1_000_000)?;
    }
    if words.iter().any(|word| word == "open10m") {
        load::open::<S>(home.path(), 10_000_000)?;
    }
    if asked("faults") {
        faults::held::<S>(home.path())?;
        faults::damage::<S>(home.path(), Damage::FlippedBit)?;
        faults::damage::<S>(home.path(), Damage::CutEnd)?;
    }
    match words {
        [part, small] if part == "full" => faults::full::<S>(Path::new(small)),
        _ => Ok(()),
    }
}
