//! Whether a pattern covers another is decided as if all names were tried: it does exactly if it selects
//! every name that the other selects.
#![allow(missing_docs, clippy::unwrap_used)]

use tidewire_broker::{ChannelName, Pattern};

/// All texts of up to `tokens_max` of these tokens, the last of which may also be one of `ends`.
fn texts(tokens: &[&str], ends: &[&str], tokens_max: usize) -> Vec<String> {
    let (mut texts, mut begun) = (Vec::new(), vec![String::new()]);
    for _ in 0..tokens_max {
        let longer = |all: &[&str]| -> Vec<String> {
            begun.iter().flat_map(|text| all.iter().map(move |it| format!("{text}{it}"))).collect()
        };
        let whole = longer(tokens);
        texts.extend(longer(ends));
        texts.extend(whole.clone());
        begun = whole.into_iter().map(|text| text + ".").collect();
    }
    let of_system: Vec<String> = texts.iter().map(|text| format!("${text}")).collect();
    texts.into_iter().chain(of_system).collect()
}

#[test]
fn a_pattern_covers_another_exactly_if_it_selects_every_name_that_the_other_selects() {
    // A token and a length that no pattern has stand for all that are not tried.
    let patterns = texts(&["a", "b", "*"], &[">"], 3);
    let patterns: Vec<Pattern> = patterns.iter().map(|text| text.parse().unwrap()).collect();
    let names = texts(&["a", "b", "c"], &[], 4);
    let names: Vec<ChannelName> = names.iter().map(|text| text.parse().unwrap()).collect();
    let selected: Vec<Vec<bool>> = patterns
        .iter()
        .map(|pattern| names.iter().map(|name| pattern.matches(name)).collect())
        .collect();
    let mut covered = 0;
    for (wide, by_wide) in patterns.iter().zip(&selected) {
        for (narrow, by_narrow) in patterns.iter().zip(&selected) {
            let is_covered = by_wide.iter().zip(by_narrow).all(|(wide, narrow)| *wide || !narrow);
            assert_eq!(wide.covers(narrow), is_covered, "{wide} covers {narrow}");
            covered += usize::from(is_covered);
        }
    }
    assert!(covered > 500, "{covered} pairs");
}
