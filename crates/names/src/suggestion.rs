//! "Did you mean": the known name that a mistyped one is closest to.
//!
//! For all that is named from outside: query parameters, settings, variables, options of channels.

/// The name of `known` that `given` was probably meant to be; of several, the closest, then the first.
///
/// Upper and lower case, `-` and `_` are the same here, two neighbours that changed places are one mistake,
/// and about one mistake in three characters is believed.
pub fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if given.len() > NAME_BYTES_MAX {
        return None;
    }
    let given = folded(given);
    let distance = |name: &str| strsim::osa_distance(&given, &folded(name));
    let rated = known.into_iter().map(|name| (distance(name), name));
    let (distance, name) = rated.min_by_key(|(distance, _)| *distance)?;
    let believed = (name.chars().count() / 3).max(1);
    // A name that shares nothing with another is not meant by it, however short both are.
    (distance <= believed && distance < name.chars().count()).then_some(name)
}

fn folded(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

/// Longer than any name; the comparison takes time by the product of both lengths.
const NAME_BYTES_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 8] = [
        "channel",
        "event",
        "key",
        "since",
        "listen",
        "retention_age",
        "retention_bytes",
        "retention_messages",
    ];

    #[test]
    fn a_mistyped_name_is_recognised() {
        for (given, meant) in [
            ("chanel", "channel"),
            ("chanenl", "channel"),
            ("evnt", "event"),
            ("keys", "key"),
            ("Since", "since"),
            ("lisen", "listen"),
            ("retention-age", "retention_age"),
            ("RETENTION_AGES", "retention_age"),
            ("retention_byte", "retention_bytes"),
            ("retention_message", "retention_messages"),
        ] {
            assert_eq!(did_you_mean(given, KNOWN), Some(meant), "{given}");
        }
    }

    #[test]
    fn what_is_like_nothing_suggests_nothing() {
        for given in ["", "x", "zzz", "colour", "authorization", &"channel".repeat(1 << 16)] {
            assert_eq!(did_you_mean(given, KNOWN), None, "{given:.20}");
        }
        assert_eq!(did_you_mean("a", []), None);
        assert_eq!(did_you_mean("x", ["y"]), None);
    }
}
