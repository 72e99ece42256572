//! What the server says of itself at one moment.

use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::time::Instant;
use tidewire_client::{Client, PageError};

/// The figures of one moment.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    pub(super) at: Instant,
    pub(super) counts: Counts,
    /// Those furthest behind.
    pub(super) connections: Vec<ConnectionRow>,
    /// How many there are.
    pub(super) connection_count: usize,
    /// The first of the channels by name, if they may be listed.
    pub(super) channels: Vec<ChannelRow>,
    /// Whether there are more.
    pub(super) has_more_channels: bool,
    /// What could not be read, and why.
    pub(super) notes: Vec<String>,
}

/// What `/metrics` says; `None` for what it does not.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) publishes: Option<f64>,
    pub(super) deliveries: Option<f64>,
    pub(super) sent_bytes: Option<f64>,
    pub(super) subscriptions: Option<f64>,
    pub(super) retained_messages: Option<f64>,
    pub(super) retained_bytes: Option<f64>,
    pub(super) connections_limit: Option<f64>,
    pub(super) memory_bytes: Option<f64>,
    pub(super) refusals: Option<f64>,
}

/// A connection, as `/connections` has it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub(super) struct ConnectionRow {
    pub(super) id: String,
    pub(super) transport: String,
    pub(super) dialect: String,
    pub(super) address: Option<String>,
    pub(super) user: Option<String>,
    pub(super) channels: Vec<String>,
    pub(super) channel_count: usize,
    pub(super) opened_ms: u64,
    pub(super) lag: u64,
}

/// A channel, as `/channels` has it.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct ChannelRow {
    pub(super) channel: String,
    pub(super) messages: u64,
    pub(super) bytes: u64,
    /// Messages that it has got since the server began.
    #[serde(default)]
    pub(super) appended: u64,
}

#[derive(Deserialize)]
struct Connections {
    connections: Vec<ConnectionRow>,
    total: usize,
}

#[derive(Deserialize)]
struct Channels {
    channels: Vec<ChannelRow>,
    next: Option<String>,
}

impl Figures {
    /// Asks the server for them.
    pub(super) async fn fetch(client: &Client) -> Result<Self> {
        let limit = [("limit", "200")];
        let (connections, metrics, channels) = tokio::join!(
            client.read_text(&["connections"], &limit),
            client.read_text(&["metrics"], &[]),
            client.read_text(&["channels"], &[("limit", "1000")]),
        );
        let connections: Connections = serde_json::from_str(&connections?)
            .context("the answer to GET /connections is not that of a Tidewire server")?;
        let mut notes = Vec::new();
        let counts = optional("/metrics", metrics, &mut notes);
        let counts = counts.map(|text| Counts::read(&text)).unwrap_or_default();
        let channels = optional("/channels", channels, &mut notes);
        let channels = channels.and_then(|text| serde_json::from_str::<Channels>(&text).ok());
        let has_more_channels = channels.as_ref().is_some_and(|it| it.next.is_some());
        Ok(Self {
            at: Instant::now(),
            counts,
            connections: connections.connections,
            connection_count: connections.total,
            channels: channels.map(|it| it.channels).unwrap_or_default(),
            has_more_channels,
            notes,
        })
    }
}

/// An answer that the others are shown without.
fn optional(
    path: &str,
    answer: Result<String, PageError>,
    notes: &mut Vec<String>,
) -> Option<String> {
    answer.map_err(|error| notes.push(format!("{path}: {error}"))).ok()
}

impl Counts {
    fn read(text: &str) -> Self {
        let sum = |name: &str| sum(text, name);
        Self {
            publishes: sum("tidewire_publishes_total"),
            deliveries: sum("tidewire_deliveries_total"),
            sent_bytes: sum("tidewire_sent_bytes_total"),
            subscriptions: sum("tidewire_subscriptions"),
            retained_messages: sum("tidewire_retained_messages"),
            retained_bytes: sum("tidewire_retained_bytes"),
            connections_limit: sum("tidewire_connections_limit"),
            memory_bytes: sum("process_resident_memory_bytes"),
            refusals: sum("tidewire_refusals_total"),
        }
    }
}

/// The sum of a metric over its labels.
fn sum(text: &str, name: &str) -> Option<f64> {
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let value = match rest.split_once("} ") {
            Some((labels, value)) if labels.starts_with('{') => value,
            _ => rest.strip_prefix(' ')?,
        };
        value.split(' ').next()?.parse::<f64>().ok()
    });
    values.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_summed_over_its_labels_and_apart_from_longer_names() {
        let text = "# TYPE a counter\na_total{x=\"1\"} 5\na_total{x=\"2\"} 7 123\na_total_more 100\nb 1.5\n";
        assert_eq!(sum(text, "a_total"), Some(12.0));
        assert_eq!(sum(text, "b"), Some(1.5));
        assert_eq!(sum(text, "c"), None);
    }
}
