//! Notices that a file has changed, within a second and without a restart.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

/// What a file was when it was looked at. Another one in its place, or another text in it, differs in one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileStamp {
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

impl FileStamp {
    /// `None` if there is no such file.
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        Some(Self { inode: metadata.ino(), bytes: metadata.len(), changed })
    }
}

/// Calls `read_again` whenever one of the files has changed, for as long as it is polled.
///
/// It is called once at the beginning too, since a file may have changed after it was read.
pub(super) async fn watch(paths: Vec<PathBuf>, read_again: impl Fn() + Send + Sync + 'static) {
    let read_again = Arc::new(read_again);
    let mut seen = None;
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let (paths, before, read_again) = (paths.clone(), seen.clone(), Arc::clone(&read_again));
        // A disk may be slow.
        let look = spawn_blocking(move || {
            let now: Vec<_> = paths.iter().map(|path| FileStamp::of(path)).collect();
            if before.as_ref() != Some(&now) {
                read_again();
            }
            now
        });
        let Ok(now) = look.await else { return };
        seen = Some(now);
    }
}

const TICK: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
