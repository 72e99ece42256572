//! The table of `docs/monitoring.md`, made of the metrics here.

use super::{
    Metrics, Observed,
    family::{Family, Kind},
};
use crate::{admission::Admission, generated::check_page, in_flight::InFlight};
use std::{collections::BTreeSet, sync::Arc};
use tidewire_engine_log::{LogEngine, Settings};

#[test]
fn the_page_lists_every_metric_with_its_labels() {
    check_page("monitoring.md", &[("metrics", table())]);
}

#[test]
fn names_follow_the_conventions_of_prometheus() {
    for family in families() {
        let name = family.name();
        let is_ours = name.starts_with("tidewire_") || name.starts_with("process_");
        assert!(is_ours, "{name}");
        assert_eq!(name.ends_with("_total"), family.kind == Kind::Counter, "{name}");
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        assert!(!family.help.ends_with('.') && !family.help.contains('\n'), "{name}");
    }
}

fn table() -> String {
    let mut table = "| metric | type | labels | is |\n|---|---|---|---|\n".to_owned();
    for family in families() {
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels: BTreeSet<&str> = family
            .samples
            .iter()
            .flat_map(|sample| &sample.labels)
            .map(|(name, _)| *name)
            .collect();
        let labels: Vec<String> = labels.into_iter().map(|name| format!("`{name}`")).collect();
        let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
        table += &format!("| `{}` | {kind} | {labels} | {} |\n", family.name(), family.help);
    }
    table
}

/// All that there are, with a log on disk.
fn families() -> Vec<Family> {
    let folder = tempfile::tempdir().unwrap();
    let (log, broker) = LogEngine::open(folder.path(), Settings::default(), 7).unwrap();
    let metrics = Metrics::default();
    let _worker = metrics.add_worker();
    Observed {
        metrics,
        admission: Admission::new(1),
        in_flight: InFlight::new(1, 1),
        first_head: broker.head(),
        broker,
        log: Some((Arc::new(log), folder.path().to_owned())),
        started_ms: 0,
    }
    .families()
}
