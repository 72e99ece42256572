//! A metric with its name, its meaning and its values: what every way to show figures begins with.

use prometheus_client::{metrics::MetricType, registry::Unit};
use tidewire_connection::Distribution;

/// A metric of one name.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    /// Without its unit and without `_total`.
    pub(super) stem: &'static str,
    pub(super) unit: Option<Unit>,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    pub(super) samples: Vec<Sample>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// One value, and what distinguishes it from the others of its family.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) labels: Vec<Label>,
    pub(super) value: Value,
}

/// A label's name and its value, of which there are few.
pub(super) type Label = (&'static str, String);

#[derive(Clone, Debug)]
pub(super) enum Value {
    Whole(u64),
    Real(f64),
    Histogram {
        sum: f64,
        /// Upper bounds, and how many values are in each bucket.
        buckets: Vec<(f64, u64)>,
    },
}

impl Family {
    pub(super) fn counter(stem: &'static str, help: &'static str) -> Self {
        Self::new(stem, Kind::Counter, help)
    }

    pub(super) fn gauge(stem: &'static str, help: &'static str) -> Self {
        Self::new(stem, Kind::Gauge, help)
    }

    pub(super) fn histogram(stem: &'static str, help: &'static str) -> Self {
        Self::new(stem, Kind::Histogram, help)
    }

    fn new(stem: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { stem, unit: None, kind, help, samples: Vec::new() }
    }

    /// The same, measured in bytes.
    pub(super) fn in_bytes(self) -> Self {
        Self { unit: Some(Unit::Bytes), ..self }
    }

    /// The same, measured in seconds.
    pub(super) fn in_seconds(self) -> Self {
        Self { unit: Some(Unit::Seconds), ..self }
    }

    /// Its name as Prometheus shows it, but for what a histogram's series append.
    pub(super) fn name(&self) -> String {
        let unit = self.unit.as_ref().map_or(String::new(), |unit| format!("_{}", unit.as_str()));
        let total = if self.kind == Kind::Counter { "_total" } else { "" };
        format!("{}{unit}{total}", self.stem)
    }

    /// The same with its only value.
    pub(super) fn of(self, value: impl Into<Value>) -> Self {
        self.with(&[], value)
    }

    /// The same with one more value.
    pub(super) fn with(mut self, labels: &[(&'static str, &str)], value: impl Into<Value>) -> Self {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.samples.push(Sample { labels, value: value.into() });
        self
    }
}

impl Kind {
    pub(super) const fn metric_type(self) -> MetricType {
        match self {
            Self::Counter => MetricType::Counter,
            Self::Gauge => MetricType::Gauge,
            Self::Histogram => MetricType::Histogram,
        }
    }
}

impl Value {
    /// A histogram whose values are `per_unit` times those that it shows.
    pub(super) fn histogram(distribution: &Distribution, per_unit: f64) -> Self {
        Self::of_buckets(distribution.sum, distribution.buckets(), per_unit)
    }

    /// The same of buckets with whole bounds, of which the last has none.
    pub(super) fn of_buckets(
        sum: u64,
        buckets: impl IntoIterator<Item = (Option<u64>, u64)>,
        per_unit: f64,
    ) -> Self {
        let scaled =
            |bound: Option<u64>| bound.map_or(f64::INFINITY, |bound| real(bound) / per_unit);
        let buckets = buckets.into_iter().map(|(bound, count)| (scaled(bound), count)).collect();
        Self::Histogram { sum: real(sum) / per_unit, buckets }
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Whole(u64::try_from(value).unwrap_or(u64::MAX))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Whole(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

/// The nearest number that a metric can have.
#[expect(clippy::as_conversions, reason = "std has no other way, and a metric may be rounded")]
pub(super) const fn real(whole: u64) -> f64 {
    whole as f64
}
