//! "Did you mean": the known name that a mistyped one is closest to.

/// The name of `known` that `given` was probably meant to be.
pub(crate) fn did_you_mean(given: &str, known: &[&'static str]) -> Option<&'static str> {
    if given.len() > NAME_BYTES_MAX {
        return None;
    }
    let given = given.to_lowercase();
    let rated = known.iter().map(|name| (strsim::osa_distance(&given, name), *name));
    let (distance, name) = rated.min_by_key(|(distance, _)| *distance)?;
    (distance <= name.len() / 3).then_some(name)
}

/// Longer than any name; the comparison takes time by the product of both lengths.
const NAME_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_is_recognised_and_no_other() {
        let known = ["subscribe", "publish", "history", "info"];
        for (given, meant) in [
            ("subscribes", Some("subscribe")),
            ("Publish", Some("publish")),
            ("hisotry", Some("history")),
            ("read", None),
            ("", None),
        ] {
            assert_eq!(did_you_mean(given, &known), meant, "{given}");
        }
        assert_eq!(did_you_mean(&"publish".repeat(1_000), &known), None);
    }
}
