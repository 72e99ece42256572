//! The same figures as JSON, for `$sys.stats`: a number for each metric, or a list where labels distinguish several.

use super::family::{Family, Sample, Value};
use serde_json::{Map, Number, Value as Json, json};

/// `{"time":…,"metrics":{…}}`. Of values that labels distinguish, those that are zero are left out.
pub(super) fn write(families: &[Family], time_ms: u64) -> String {
    let metrics: Map<String, Json> = families.iter().map(|it| (it.name(), of_family(it))).collect();
    json!({ "time": time_ms, "metrics": metrics }).to_string()
}

fn of_family(family: &Family) -> Json {
    match &*family.samples {
        [Sample { labels, value }] if labels.is_empty() => of_value(value),
        samples => samples.iter().filter(|it| !is_zero(&it.value)).map(of_sample).collect(),
    }
}

fn of_sample(Sample { labels, value }: &Sample) -> Json {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), Json::from(value.clone())));
    Json::Object(labels.chain([("value".to_owned(), of_value(value))]).collect())
}

fn of_value(value: &Value) -> Json {
    match value {
        Value::Whole(value) => (*value).into(),
        Value::Real(value) => of_real(*value),
        Value::Histogram { sum, buckets } => {
            // As in the text for Prometheus, each bucket includes those before it.
            let mut count = 0;
            let buckets = buckets.iter().map(|(bound, more)| {
                count += more;
                json!({ "le": of_real(*bound), "count": count })
            });
            let buckets: Vec<Json> = buckets.collect();
            json!({ "sum": of_real(*sum), "count": count, "buckets": buckets })
        }
    }
}

/// JSON has no infinity: the bucket without a bound has `null`.
fn of_real(value: f64) -> Json {
    Number::from_f64(value).map_or(Json::Null, Json::Number)
}

const fn is_zero(value: &Value) -> bool {
    matches!(value, Value::Whole(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_metric_has_its_json() {
        let families = [
            Family::counter("a", "").with(&[("code", "x")], 3_u64).with(&[("code", "y")], 0_u64),
            Family::gauge("b", "").in_bytes().of(0_u64),
            Family::histogram("c", "").in_seconds().of(Value::of_buckets(
                500,
                [(Some(100), 1), (None, 2)],
                1_000.0,
            )),
        ];
        assert_eq!(
            write(&families, 7),
            r#"{"metrics":{"a_total":[{"code":"x","value":3}],"b_bytes":0,"c_seconds":{"buckets":[{"count":1,"le":0.1},{"count":3,"le":null}],"count":3,"sum":0.5}},"time":7}"#
        );
    }
}
