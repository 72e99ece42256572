//! The engine's load: append in order of offset, read a channel, drop the oldest, open again.

use crate::subject::{Key, Subject, Sync, key};
use anyhow::{Result, ensure};
use std::{
    fs, hint,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

/// Rows a second for batches of several sizes, each with one sync.
pub(crate) fn append<S: Subject>(directory: &Path) -> Result<()> {
    for batch_rows in [1, 64, 1_000] {
        let store = S::open(&directory.join(format!("append-{batch_rows}")))?;
        let (began, mut offset) = (Instant::now(), 0);
        while began.elapsed() < APPEND_TIME {
            store.commit(&batch(&mut offset, batch_rows, CHANNELS), &[], Sync::Wait)?;
        }
        let rate = ratio(offset, began.elapsed().as_secs_f64());
        println!("{:6} append, {batch_rows:5} a sync  {rate:10.0} rows/s", S::NAME);
    }
    Ok(())
}

/// Appends a million rows while every channel drops what is beyond 100, then weighs the files.
pub(crate) fn steady<S: Subject>(directory: &Path) -> Result<()> {
    let directory = directory.join("steady");
    let store = S::open(&directory)?;
    let (began, mut offset) = (Instant::now(), 0);
    while offset < 1_000_000 {
        let put = batch(&mut offset, 1_000, CHANNELS);
        let first = offset.saturating_sub(1_000 + CHANNELS * KEPT);
        let aged = if offset > CHANNELS * KEPT { first..first + 1_000 } else { 0..0 };
        let remove: Vec<_> = aged.map(|offset| key(offset % CHANNELS, offset)).collect();
        store.commit(&put, &remove, Sync::Wait)?;
    }
    let rate = ratio(offset, began.elapsed().as_secs_f64());
    let alive = CHANNELS * KEPT * (16 + 128);
    println!(
        "{:6} append and drop       {rate:10.0} rows/s, {:.1} MB on disk for {:.1} MB of rows",
        S::NAME,
        ratio(weigh(&directory)?, 1e6),
        ratio(alive, 1e6),
    );
    read(&store, "warm")?;
    drop(store);
    read(&S::open(&directory)?, "after reopening")
}

/// Opens a store of many rows after a crash; prints how long that and the first read take.
pub(crate) fn open<S: Subject>(directory: &Path, rows: u64) -> Result<()> {
    let directory = directory.join(format!("open-{rows}"));
    let began = Instant::now();
    let status = Command::new(std::env::current_exe()?)
        .args(["build", S::NAME, &rows.to_string()])
        .arg(&directory)
        .status()?;
    ensure!(!status.success(), "the builder was to crash");
    let built = began.elapsed();
    let (began, before) = (Instant::now(), resident()?);
    let store = S::open(&directory)?;
    let opened = began.elapsed();
    let began = Instant::now();
    ensure!(store.read(key(MANY / 2, 0), 10)?.len() == 10, "rows are missing");
    println!(
        "{:6} open {rows:8} rows after a crash {opened:8.1?}, {:.0} MB of memory, {:.0} MB on disk, first read {:.1?}, built in {built:.0?}",
        S::NAME,
        ratio(resident()?.saturating_sub(before), 1e6),
        ratio(weigh(&directory)?, 1e6),
        began.elapsed(),
    );
    Ok(())
}

/// Fills a store and dies without closing it: the other half of [`open`].
pub(crate) fn build_and_crash<S: Subject>(directory: &Path, rows: u64) -> Result<()> {
    let store = S::open(directory)?;
    let mut offset = 0;
    while offset < rows {
        let sync = if offset % 1_000_000 < 10_000 { Sync::Wait } else { Sync::Leave };
        store.commit(&batch(&mut offset, 10_000, MANY), &[], sync)?;
    }
    store.commit(&batch(&mut offset, 1, MANY), &[], Sync::Wait)?;
    std::process::abort()
}

/// `count` rows that go on behind `offset`, their channels in turn.
pub(crate) fn batch(offset: &mut u64, count: u64, channels: u64) -> Vec<(Key, Vec<u8>)> {
    let from = *offset;
    *offset += count;
    (from..*offset).map(|offset| (key(offset % channels, offset), value(offset))).collect()
}

/// The value of a row: incompressible, and derived from its offset.
pub(crate) fn value(offset: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(offset);
    let mut value = vec![0; VALUE_BYTES];
    random.fill(&mut value);
    value
}

fn read<S: Subject>(store: &S, when: &str) -> Result<()> {
    let mut random = fastrand::Rng::with_seed(1);
    let (began, rounds) = (Instant::now(), 2_000);
    for _ in 0..rounds {
        let from = key(random.u64(..CHANNELS), 1_000_000 - CHANNELS * KEPT);
        ensure!(hint::black_box(store.read(from, 100)?).len() == 100, "rows are missing");
    }
    println!("{:6} read 100 rows, {when:15} {:8.1?}", S::NAME, began.elapsed() / rounds);
    Ok(())
}

/// Bytes that the files of a directory occupy.
fn weigh(directory: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let inside = entry.file_type()?.is_dir();
        bytes += if inside { weigh(&entry.path())? } else { entry.metadata()?.blocks() * 512 };
    }
    Ok(bytes)
}

/// Bytes of memory that this process occupies.
fn resident() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/statm")?;
    Ok(status.split(' ').nth(1).unwrap_or("0").parse::<u64>()? * 4_096)
}

#[expect(clippy::as_conversions, reason = "figures to print")]
fn ratio(part: u64, whole: f64) -> f64 {
    part as f64 / whole
}

const APPEND_TIME: Duration = Duration::from_secs(3);
const CHANNELS: u64 = 1_000;
const KEPT: u64 = 100;
const MANY: u64 = 100_000;
const VALUE_BYTES: usize = 128;
