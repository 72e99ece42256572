//! A certificate whose files change is taken without a restart.
//!
//! The files are looked at every few seconds, not watched by the system: a certificate is often a link to a link in a
//! folder that is swapped as a whole, or on a file system that reports nothing.

use super::{CertificateError, Tls, TlsFiles};
use std::{fs, os::unix::fs::MetadataExt as _, path::Path, time::Duration};
use tokio::time::{MissedTickBehavior, interval};

/// What differs between one state of the files and another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint([Option<FileState>; 2]);

/// When it was written, how long it is, and which file it is.
type FileState = (i64, i64, u64, u64);

/// Looks whether the files have changed.
pub(super) struct Watch {
    tls: Tls,
    /// As they were when they were last read.
    read: Fingerprint,
}

impl Fingerprint {
    pub(super) fn of(files: &TlsFiles) -> Self {
        Self([state(&files.certificate), state(&files.key)])
    }
}

fn state(path: &Path) -> Option<FileState> {
    let file = fs::metadata(path).ok()?;
    Some((file.mtime(), file.mtime_nsec(), file.size(), file.ino()))
}

impl Watch {
    /// Begins with what has been loaded.
    pub(super) fn new(tls: Tls, read: Fingerprint) -> Self {
        Self { tls, read }
    }

    /// Takes a certificate that has changed; `None` if none has. The same bad files are tried once.
    pub(super) fn look(&mut self) -> Option<Result<(), CertificateError>> {
        // Before they are read: what changes meanwhile is seen next time.
        let now = Fingerprint::of(&self.tls.files);
        if now == self.read {
            return None;
        }
        self.read = now;
        Some(self.tls.reload())
    }
}

impl Tls {
    /// Looks at the files for as long as it is polled, and takes a certificate that has changed.
    pub(crate) async fn watch(self) {
        let mut watch = Watch::new(self.clone(), self.read.clone());
        let mut tick = interval(LOOK_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let path = self.files.certificate.display();
            match watch.look() {
                None => {}
                Some(Ok(())) => tracing::info!("the certificate {path} has changed and is in use"),
                Some(Err(error)) => tracing::error!(
                    "the certificate has changed, and the new one is not taken: {error}. The one \
                     before stays in use"
                ),
            }
        }
    }
}

/// How soon a new certificate is taken.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
