//! The table of `docs/monitoring.md`: made of the metrics here, compared with the page, and written into it by
//! `TIDEWIRE_WRITE_DOCS=1 cargo test -p tidewire --lib the_page_lists`.

use super::{
    Metrics, Observed,
    family::{Family, Kind},
};
use crate::{admission::Admission, in_flight::InFlight};
use std::{collections::BTreeSet, env, fs, sync::Arc};
use tidewire_engine_log::{LogEngine, Settings};

#[test]
fn the_page_lists_every_metric_with_its_labels() {
    let page = fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the page has the comment");
    let (_, after) = rest.split_once(END).expect("the comment has an end");
    let expected = format!("{before}{BEGIN}\n{}\n{END}{after}", table());
    if env::var_os("TIDEWIRE_WRITE_DOCS").is_some() {
        fs::write(PAGE, expected).unwrap();
        return;
    }
    assert!(
        page == expected,
        "docs/monitoring.md is not what the metrics are; to write it: \
         TIDEWIRE_WRITE_DOCS=1 cargo test -p tidewire --lib the_page_lists"
    );
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

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/monitoring.md");
const BEGIN: &str = "<!-- generated: metrics -->\n";
const END: &str = "<!-- end of generated -->\n";
