//! What a log on disk keeps, and for how long: what the settings say, or a share of the disk. Said at
//! the start, with the setting that decides it.

use crate::config::{Bytes, Config, Span};
use rustix::fs::statvfs;
use std::path::Path;
use tidewire_broker::Retention;

/// The bounds of a log on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// What all messages together may take.
    total: Total,
    /// What a channel keeps unless a table of the file says otherwise.
    retention: Retention,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Total {
    /// As the setting says,
    Stated(u64),
    /// or a share of the disk,
    Share(u64),
    /// or the whole disk, if its size cannot be read.
    Disk,
}

impl Bounds {
    pub(super) fn of(config: &Config, directory: &Path) -> Self {
        let rules = &config.broker.rules;
        let retention = rules.defaults().retention;
        let stated = config.data_bytes_max.map(|bytes| u64::try_from(bytes).unwrap_or(u64::MAX));
        let total = match stated {
            Some(bytes) => Total::Stated(bytes),
            None => disk_bytes(directory)
                .map_or(Total::Disk, |bytes| Total::Share(share(bytes, rules.message_bytes_max()))),
        };
        Self { total, retention }
    }

    pub(super) fn bytes_max(&self) -> Option<u64> {
        match self.total {
            Total::Stated(bytes) | Total::Share(bytes) => Some(bytes),
            Total::Disk => None,
        }
    }

    pub(super) fn describe(&self) -> Vec<String> {
        let of_bytes = |bytes: u64| Bytes::from(usize::try_from(bytes).unwrap_or(usize::MAX));
        let all = match self.total {
            Total::Stated(bytes) => {
                format!("{} (data_bytes_max); beyond it, the oldest are deleted", of_bytes(bytes))
            }
            Total::Share(bytes) => format!(
                "{} (data_bytes_max; by default a quarter of this disk); beyond it, the oldest \
                are deleted",
                of_bytes(bytes)
            ),
            Total::Disk => "what the disk holds (data_bytes_max)".to_owned(),
        };
        let all = format!("all channels together store at most {all}");
        [all].into_iter().chain(self.of_channels()).collect()
    }

    fn of_channels(&self) -> Option<String> {
        let Retention { messages_max, bytes_max, age_max_ms } = self.retention;
        let bounds = [
            (messages_max < usize::MAX)
                .then(|| format!("{messages_max} messages (retention_messages)")),
            (bytes_max < usize::MAX)
                .then(|| format!("{} (retention_bytes)", Bytes::from(bytes_max))),
            (age_max_ms < u64::MAX)
                .then(|| format!("{} (retention_age)", Span::milliseconds(age_max_ms))),
        ];
        let bounds: Vec<String> = bounds.into_iter().flatten().collect();
        let is_bounded = !bounds.is_empty();
        is_bounded.then(|| format!("each channel stores at most {}", bounds.join(", ")))
    }
}

/// How large the file system is on which a directory is, or will be.
fn disk_bytes(directory: &Path) -> Option<u64> {
    let present = directory.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    let disk = statvfs(present).ok()?;
    disk.f_blocks.checked_mul(disk.f_frsize).filter(|bytes| *bytes > 0)
}

/// A quarter, in round numbers: pages of the store are not full, so messages of some hundred bytes
/// take two or three times as much room. A disk so small that no message would fit gets one of the
/// largest messages, and says that it is full.
fn share(disk_bytes: u64, message_bytes_max: usize) -> u64 {
    let quarter = disk_bytes / 4;
    let unit = if quarter >= 8 << 30 { 1 << 30 } else { 1 << 20 };
    let least = u64::try_from(message_bytes_max).unwrap_or(u64::MAX).saturating_mul(2);
    (quarter - quarter % unit).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_setting_the_log_keeps_a_quarter_of_the_disk() {
        assert_eq!(share(100 << 30, 1 << 20), 25 << 30);
        assert_eq!(share((1 << 30) + 5, 1 << 20), 256 << 20);
        assert_eq!(share(1 << 20, 1 << 20), 2 << 20);
        let folder = tempfile::tempdir().unwrap();
        let disk = disk_bytes(&folder.path().join("not/there/yet")).unwrap();
        assert_eq!(Some(disk), disk_bytes(folder.path()));
        assert!(disk > 1 << 20, "{disk}");
    }

    #[test]
    fn what_is_kept_for_how_long_is_said_with_its_setting() {
        let bounds = Bounds { total: Total::Share(25 << 30), retention: Retention::UNBOUNDED };
        assert_eq!(
            bounds.describe(),
            [
                "all channels together store at most 25GiB (data_bytes_max; by default a quarter of this \
                disk); beyond it, the oldest are deleted"
            ]
        );
        let retention = Retention { age_max_ms: 900_000, messages_max: 100, ..bounds.retention };
        let bounds = Bounds { total: Total::Stated(1 << 30), retention };
        assert_eq!(
            bounds.describe(),
            [
                "all channels together store at most 1GiB (data_bytes_max); beyond it, the oldest are \
                deleted",
                "each channel stores at most 100 messages (retention_messages), 15m \
                (retention_age)",
            ]
        );
        assert_eq!(Bounds { total: Total::Disk, ..bounds }.bytes_max(), None);
    }
}
