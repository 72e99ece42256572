//! The file with the list of API keys: one command at a time writes it, and a server reads a whole one.

use anyhow::{Context as _, Result};
use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};
use tidewire_tokens::ApiKeys;

/// The list in a file; an empty one if there is no file.
pub(crate) fn read(path: &Path) -> Result<ApiKeys> {
    match fs::read(path) {
        Ok(text) => ApiKeys::parse(&text).with_context(|| path.display().to_string()),
        // That a data folder is no folder is for the log to say.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(ApiKeys::default())
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Has other commands wait until it is dropped.
pub(crate) fn lock(path: &Path) -> Result<File> {
    let folder = folder(path);
    let folder_file = File::open(folder);
    let folder_file = folder_file.with_context(|| format!("cannot open {}", folder.display()))?;
    folder_file.lock().with_context(|| format!("cannot lock {}", folder.display()))?;
    Ok(folder_file)
}

/// Puts a whole new file in the place of the one before: a server reads one or the other.
pub(crate) fn write(path: &Path, keys: &ApiKeys) -> Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let written = || {
        let mut options = File::options();
        // Hashes are of no use to others, but names and patterns are not theirs to know.
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&part)?;
        file.write_all(keys.to_json().as_bytes())?;
        file.sync_all()?;
        fs::rename(&part, path)?;
        File::open(folder(path))?.sync_all()
    };
    written().with_context(|| format!("cannot write {}", path.display()))
}

fn folder(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}
