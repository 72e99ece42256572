//! Where the log is kept: in memory, or on disk by the embedded engine.

mod bounds;

use crate::config::{Config, Fsync};
use anyhow::{Context as _, Result};
use bounds::Bounds;
use std::{path::PathBuf, sync::Arc};
use tidewire_broker::{Broker, Engine, MemoryEngine};
use tidewire_engine_log::{LogEngine, Settings, Sync};

/// What keeps the log, and the broker from which it is read.
pub(crate) struct Storage {
    pub(crate) broker: Broker,
    pub(crate) engine: Arc<dyn Engine>,
    disk: Option<(PathBuf, Arc<LogEngine>, Bounds)>,
}

impl Storage {
    /// Opens what the configuration asks for.
    pub(crate) fn open(config: &Config, now_ms: u64) -> Result<Self> {
        let limits = config.broker.clone();
        let Some(directory) = config.data.clone() else {
            // Two lives of a server are never within a millisecond of each other.
            let broker = Broker::new(now_ms, limits);
            let engine = Arc::new(MemoryEngine::new(broker.clone()));
            return Ok(Self::in_memory(broker, engine));
        };
        let sync = sync_of(config.fsync);
        let bounds = Bounds::of(config, &directory);
        let settings = Settings {
            sync,
            limits,
            bytes_max: bounds.bytes_max(),
            cache_bytes_max: Some(config.cache_bytes_max),
        };
        let opened = LogEngine::open(&directory, settings, now_ms);
        let (engine, broker) = opened.context("cannot open the log on disk")?;
        let engine = Arc::new(engine);
        Ok(Self { broker, engine: engine.clone(), disk: Some((directory, engine, bounds)) })
    }

    /// A log that no disk keeps, whatever fills it.
    pub(crate) fn in_memory(broker: Broker, engine: Arc<dyn Engine>) -> Self {
        Self { broker, engine, disk: None }
    }

    /// The engine on disk, if the log is there.
    pub(crate) fn on_disk(&self) -> Option<Arc<LogEngine>> {
        self.disk.as_ref().map(|(_, engine, _)| Arc::clone(engine))
    }

    /// Where the log is and what is kept of it, for people, line by line.
    pub(crate) fn describe(&self) -> Vec<String> {
        match &self.disk {
            None => {
                let place =
                    "the log is in memory, and a restart loses it; --data DIR stores it on disk";
                vec![place.to_owned()]
            }
            Some((directory, _, bounds)) => {
                let place = format!("the log is stored in {}", directory.display());
                [place].into_iter().chain(bounds.describe()).collect()
            }
        }
    }

    /// Applies limits of age, some everywhere in turn. Meant to be called about once a second.
    pub(crate) fn sweep(&self, now_ms: u64) {
        self.broker.sweep(now_ms, SWEEP_CHANNELS);
        if let Some((_, engine, _)) = &self.disk {
            engine.sweep(now_ms);
        }
    }

    /// Writes what waits, and leaves the store as after a quiet end.
    pub(crate) fn close(&self) {
        if let Some((_, engine, _)) = &self.disk {
            engine.close();
        }
    }
}

const fn sync_of(fsync: Fsync) -> Sync {
    match fsync {
        Fsync::Always => Sync::Always,
        Fsync::Every(interval) => Sync::Every(interval.duration()),
        Fsync::Never => Sync::Never,
    }
}

/// Channels swept a tick: some milliseconds of work.
const SWEEP_CHANNELS: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_syncs_as_the_setting_says() {
        for (setting, sync) in [
            ("always", Sync::Always),
            ("100ms", Sync::Every(std::time::Duration::from_millis(100))),
            ("never", Sync::Never),
        ] {
            assert_eq!(sync_of(setting.parse().unwrap()), sync);
        }
    }
}
