//! The figures once a second on the channel `$sys.stats`, while somebody follows it.

use super::Observed;
use crate::clock::wall_ms;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tidewire_broker::{Engine, SystemChannel};
use tokio::{task::spawn_blocking, time::MissedTickBehavior};

/// Publishes them until the task is dropped.
pub(crate) async fn publish_stats(observed: Observed, engine: Arc<dyn Engine>) {
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if !observed.has_stats_followers() {
            continue;
        }
        let source = observed.clone();
        let Ok(json) = spawn_blocking(move || source.stats_json()).await else { continue };
        let Some((permit, draft)) = SystemChannel::Stats.publish(json.into()) else { return };
        let published = observed.admission.publish(|| engine.publish(permit, draft, wall_ms()));
        let Ok(published) = published else { return };
        if let Err(error) = published.await {
            tracing::debug!(%error, "the figures of $sys.stats cannot be published");
        }
    }
}

impl Observed {
    fn has_stats_followers(&self) -> bool {
        let workers = self.metrics.workers();
        workers.iter().any(|worker| worker.has_stats_followers.load(Ordering::Relaxed))
    }

    fn stats_json(&self) -> String {
        super::json::write(&self.families(), wall_ms())
    }
}

const INTERVAL: Duration = Duration::from_secs(1);
