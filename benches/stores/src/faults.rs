//! What goes wrong on real machines, and what each store makes of it.

use crate::{
    load::{batch, value as written},
    subject::{Subject, Sync, key},
};
use anyhow::Result;
use std::{
    fmt, fs,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
};

/// A second handle on a store that is open.
pub(crate) fn held<S: Subject>(directory: &Path) -> Result<()> {
    let directory = directory.join("held");
    let _first = S::open(&directory)?;
    println!("{:6} held: {}", S::NAME, outcome_of(|| S::open(&directory).map(drop)));
    Ok(())
}

/// One flipped bit, or a cut end, in one file of a store: a seed each.
pub(crate) fn damage<S: Subject>(directory: &Path, kind: Damage) -> Result<()> {
    let original = directory.join("original");
    if !original.exists() {
        let (store, mut offset) = (S::open(&original)?, 0);
        while offset < 200_000 {
            store.commit(&batch(&mut offset, 100, 100), &[], Sync::Wait)?;
        }
    }
    let mut outcomes = std::collections::BTreeMap::<String, u32>::new();
    for seed in 0..60 {
        let copy = directory.join("copy");
        let _ = fs::remove_dir_all(&copy);
        copy_all(&original, &copy)?;
        harm(&copy, kind, seed)?;
        *outcomes.entry(outcome_of(|| inspect::<S>(&copy))).or_default() += 1;
    }
    outcomes.iter().for_each(|(outcome, times)| {
        println!("{:6} {kind:?}: {times:2} times {outcome}", S::NAME);
    });
    Ok(())
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Damage {
    FlippedBit,
    CutEnd,
}

/// Writes until the filesystem is full, makes room, and goes on with the same handle.
pub(crate) fn full<S: Subject>(small: &Path) -> Result<()> {
    let small = &small.join("full");
    fs::create_dir(small)?;
    let ballast = small.join("ballast");
    fs::write(&ballast, vec![1; 4 << 20])?;
    let store = S::open(&small.join(S::NAME))?;
    let mut offset = 0;
    let failure = loop {
        if let Err(failure) = store.commit(&batch(&mut offset, 1_000, 100), &[], Sync::Wait) {
            break failure;
        }
    };
    println!("{:6} full at row {offset}: {failure}", S::NAME);
    println!("{:6} full, read: {}", S::NAME, outcome_of(|| store.read(key(0, 0), 100).map(drop)));
    fs::remove_file(ballast)?;
    let again = || store.commit(&batch(&mut offset.clone(), 1, 100), &[], Sync::Wait);
    println!("{:6} room again, same handle: {}", S::NAME, outcome_of(again));
    drop(store);
    let store = S::open(&small.join(S::NAME));
    let again = || store?.commit(&batch(&mut offset, 1, 100), &[], Sync::Wait);
    println!("{:6} room again, opened again: {}", S::NAME, outcome_of(again));
    Ok(fs::remove_dir_all(small)?)
}

/// Every row must read as it was written: the value is a function of the key.
fn inspect<S: Subject>(directory: &Path) -> Result<()> {
    let store = S::open(directory)?;
    let mut missing = 0;
    for channel in 0..100 {
        let rows = store.read(key(channel, 0), 2_000)?;
        missing +=
            2_000 - rows.iter().filter(|(key, _)| key[7] == channel.to_be_bytes()[7]).count();
        for (found, value) in rows {
            let offset = u64::from_be_bytes(found[8..].try_into()?);
            let same = value == written(offset);
            anyhow::ensure!(same, "A WRONG ROW");
        }
    }
    anyhow::ensure!(missing == 0, "opened with rows missing");
    Ok(())
}

fn harm(directory: &Path, kind: Damage, seed: u64) -> Result<()> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut files = Vec::new();
    list(directory, &mut files)?;
    files.sort();
    files.retain(|(_, bytes)| *bytes > 0);
    let Some((path, _)) = random.choice(&files) else { return Ok(()) };
    let mut bytes = fs::read(path)?;
    // Journals are made 64 MiB long: what counts is where there is something.
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
    match kind {
        Damage::FlippedBit => bytes[random.usize(..used)] ^= 1 << random.u8(..8),
        Damage::CutEnd => bytes.truncate(used - random.usize(1..=used.min(5_000))),
    }
    Ok(fs::write(path, bytes)?)
}

fn list(directory: &Path, files: &mut Vec<(PathBuf, u64)>) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => list(&entry.path(), files)?,
            false => files.push((entry.path(), entry.metadata()?.len())),
        }
    }
    Ok(())
}

fn copy_all(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (entry, to) = (entry?, to);
        let to = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_all(&entry.path(), &to)?,
            false => drop(fs::copy(entry.path(), to)?),
        }
    }
    Ok(())
}

fn outcome_of<T: fmt::Debug>(act: impl FnOnce() -> Result<T>) -> String {
    match panic::catch_unwind(AssertUnwindSafe(act)) {
        Ok(Ok(_)) => "fine".into(),
        Ok(Err(failure)) => {
            let text: String =
                format!("{failure:#}").chars().filter(|c| !c.is_ascii_digit()).collect();
            format!("error: {}", text.chars().take(150).collect::<String>())
        }
        Err(_) => "PANIC".into(),
    }
}
