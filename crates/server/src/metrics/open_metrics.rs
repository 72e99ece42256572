//! The text that Prometheus reads: OpenMetrics where the client takes it, else the format before it.

use super::family::{Family, Kind, Sample, Value};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text, text},
    registry::Registry,
};
use std::fmt;

/// A format of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exposition {
    /// [OpenMetrics 1.0](https://prometheus.io/docs/specs/om/open_metrics_spec/).
    OpenMetrics,
    /// [Prometheus text 0.0.4](https://prometheus.io/docs/instrumenting/exposition_formats/).
    Text,
}

impl Exposition {
    /// What a client prefers by its `Accept`, as Prometheus' own servers decide it: OpenMetrics only where it is asked
    /// for by name.
    pub(crate) fn negotiate(accept: &str) -> Self {
        let quality_of = |wanted: &str| {
            let accepted = accept.split(',').filter_map(MediaRange::parse);
            accepted.filter(|range| range.media_type == wanted).map(|range| range.quality).max()
        };
        let open_metrics = quality_of("application/openmetrics-text").unwrap_or(0);
        let text = quality_of("text/plain").unwrap_or(0);
        if open_metrics > 0 && open_metrics >= text { Self::OpenMetrics } else { Self::Text }
    }

    /// The `Content-Type` of the text.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => prometheus_text::CONTENT_TYPE,
        }
    }

    /// Writes `families`.
    ///
    /// # Errors
    ///
    /// None that a string as a target has.
    pub(crate) fn encode(self, families: Vec<Family>) -> Result<String, fmt::Error> {
        let (mut output, mut registry) = (String::new(), Registry::default());
        registry.register_collector(Box::new(Families(families)));
        match self {
            Self::OpenMetrics => text::encode(&mut output, &registry)?,
            Self::Text => prometheus_text::encode(&mut output, &registry)?,
        }
        Ok(output)
    }
}

/// A media type that a client accepts, and how much it likes it, in thousandths.
#[derive(Debug, PartialEq, Eq)]
struct MediaRange {
    media_type: String,
    quality: u32,
}

impl MediaRange {
    /// Reads one of [RFC 9110 §12.5.1]; `None` for a version of OpenMetrics that is not 1.0.0 or earlier.
    ///
    /// [RFC 9110 §12.5.1]: https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let media_type = parts.next()?.to_ascii_lowercase();
        let mut quality = 1_000;
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match &*name.trim().to_ascii_lowercase() {
                "q" => quality = thousandths(value)?,
                "version" if media_type.ends_with("openmetrics-text") => {
                    VERSIONS.contains(&value).then_some(())?;
                }
                _ => {}
            }
        }
        Some(Self { media_type, quality })
    }
}

/// `1`, `0.5` or `0.125`, in thousandths.
fn thousandths(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = format!("{fraction:0<3}");
    let digits: u32 = fraction.get(..3)?.parse().ok()?;
    Some((whole.parse::<u32>().ok()? * 1_000 + digits).min(1_000))
}

/// Families as the library collects them.
#[derive(Debug)]
struct Families(Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for Family { stem, unit, kind, help, samples } in &self.0 {
            let mut metric =
                encoder.encode_descriptor(stem, help, unit.as_ref(), kind.metric_type())?;
            for Sample { labels, value } in samples {
                match labels.is_empty() {
                    true => write(&mut metric, *kind, value)?,
                    false => write(&mut metric.encode_family(labels)?, *kind, value)?,
                }
            }
        }
        Ok(())
    }
}

fn write(metric: &mut MetricEncoder<'_>, kind: Kind, value: &Value) -> fmt::Result {
    match (kind, value) {
        (Kind::Counter, Value::Whole(value)) => {
            metric.encode_counter::<NoLabelSet, _, u64>(value, None)
        }
        (Kind::Counter, Value::Real(value)) => {
            metric.encode_counter::<NoLabelSet, _, u64>(value, None)
        }
        (Kind::Gauge | Kind::Histogram, Value::Whole(value)) => metric.encode_gauge(value),
        (Kind::Gauge | Kind::Histogram, Value::Real(value)) => metric.encode_gauge(value),
        (_, Value::Histogram { sum, buckets }) => {
            let count = buckets.iter().map(|(_, count)| count).sum();
            metric.encode_histogram::<NoLabelSet>(*sum, count, buckets, None)
        }
    }
}

/// Of OpenMetrics.
const VERSIONS: [&str; 2] = ["1.0.0", "0.0.1"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_openmetrics_only_if_it_asks_for_it_by_name() {
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
            application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,\
            text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, expected) in [
            (prometheus, Exposition::OpenMetrics),
            ("application/openmetrics-text", Exposition::OpenMetrics),
            (
                "Application/OpenMetrics-Text; Version=\"1.0.0\"; Q=0.5, text/plain;q=0.1",
                Exposition::OpenMetrics,
            ),
            ("application/openmetrics-text;version=2.0.0", Exposition::Text),
            ("application/openmetrics-text;q=0", Exposition::Text),
            ("application/openmetrics-text;q=0.1,text/plain;q=0.9", Exposition::Text),
            ("application/openmetrics-text;q=x", Exposition::Text),
            ("text/plain;version=0.0.4", Exposition::Text),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily",
                Exposition::Text,
            ),
            ("*/*", Exposition::Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Exposition::Text),
            ("", Exposition::Text),
        ] {
            assert_eq!(Exposition::negotiate(accept), expected, "{accept}");
        }
    }

    #[test]
    fn each_kind_of_metric_is_written_as_its_format_asks() {
        let families = || {
            vec![
                Family::counter("a", "Counts")
                    .with(&[("code", "x\"y")], 3_u64)
                    .with(&[("code", "z")], 0_u64),
                Family::gauge("b", "Bytes").in_bytes().of(1.5),
                Family::histogram("c", "Times").in_seconds().of(Value::of_buckets(
                    2_500,
                    [(Some(500), 4), (Some(1_000), 0), (None, 1)],
                    1_000.0,
                )),
            ]
        };
        let text = Exposition::OpenMetrics.encode(families()).unwrap();
        assert_eq!(
            text,
            "# HELP a Counts\n# TYPE a counter\na_total{code=\"x\\\"y\"} 3\na_total{code=\"z\"} 0\n\
             # HELP b_bytes Bytes\n# TYPE b_bytes gauge\n# UNIT b_bytes bytes\nb_bytes 1.5\n\
             # HELP c_seconds Times\n# TYPE c_seconds histogram\n# UNIT c_seconds seconds\n\
             c_seconds_sum 2.5\nc_seconds_count 5\nc_seconds_bucket{le=\"0.5\"} 4\n\
             c_seconds_bucket{le=\"1.0\"} 4\nc_seconds_bucket{le=\"+Inf\"} 5\n# EOF\n"
        );
        let text = Exposition::Text.encode(families()).unwrap();
        assert!(
            text.contains("# TYPE a_total counter\na_total{code=\"z\"} 0\n")
                || text.contains("# TYPE a_total counter\n"),
            "{text}"
        );
        assert!(!text.contains("# UNIT") && !text.contains("# EOF"), "{text}");
    }
}
