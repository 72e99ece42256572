//! A torn tail: what a power cut may leave after the last whole write of a store's newest file.

use anyhow::{Context as _, Result};
use fastrand::Rng;
use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Writes half a record's worth of zeros, noise, or a copy of earlier bytes after the end of the file that was written
/// last.
pub(super) fn tear(store: &Path, random: &mut Rng) -> Result<()> {
    let mut newest: Option<(SystemTime, PathBuf)> = None;
    visit(store, &mut newest)?;
    let (_, path) = newest.context("the store has no file")?;
    let mut torn = vec![0; random.usize(1..300)];
    match random.u8(..3) {
        0 => {}
        1 => random.fill(&mut torn),
        _ => {
            let all = fs::read(&path)?;
            let from = random.usize(0..=all.len());
            torn = all.get(from..).unwrap_or_default().iter().take(torn.len()).copied().collect();
        }
    }
    OpenOptions::new().append(true).open(&path)?.write_all(&torn)?;
    Ok(())
}

fn visit(folder: &Path, newest: &mut Option<(SystemTime, PathBuf)>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, about) = (entry.path(), entry.metadata()?);
        if about.is_dir() {
            visit(&path, newest)?;
        } else if about.len() > 0 && is_written_in_place(&path) {
            let modified = about.modified()?;
            if newest.as_ref().is_none_or(|(known, _)| *known <= modified) {
                *newest = Some((modified, path));
            }
        }
    }
    Ok(())
}

/// Files that are put into place whole, after a sync, have no torn tail.
fn is_written_in_place(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "redb")
}
