//! The language of the documentation: words that it does not use, each with the one it uses, and the length of the
//! README's front. `docs/glossary.md` explains the terms.
//!
//! Code is not prose: what stands between backticks or fences may have any name, unless `tidy/names.rs` has it.

/// Adds a line to `findings` for each word that a page should not use.
pub(crate) fn check(path: &str, text: &str, findings: &mut Vec<String>) {
    if !is_documentation(path) {
        return;
    }
    for (number, prose) in prose(text) {
        for (banned, instead) in banned_in(&prose) {
            findings.push(format!(
                "{path}:{number}: `{banned}` is not a word of the documentation: write {instead}; \
                 docs/glossary.md has the terms"
            ));
        }
    }
    if path == README {
        check_front(text, findings);
    }
}

/// The words in `prose` that the documentation does not use, each with what to write instead.
pub(super) fn banned_in(prose: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let prose = prose.to_lowercase();
    BANNED.iter().copied().filter(move |(banned, _)| has_phrase(&prose, banned))
}

/// Every page that people read who do not change the code.
fn is_documentation(path: &str) -> bool {
    let is_crate = path.ends_with("/README.md");
    let is_page = path.starts_with("docs/") && path.ends_with(".md");
    is_crate || is_page || TOP.contains(&path)
}

fn check_front(text: &str, findings: &mut Vec<String>) {
    let Some((front, _)) = text.split_once(FRONT_END) else {
        findings.push(format!("{README}: has no `{FRONT_END}` after its front"));
        return;
    };
    let is_markup = |line: &&str| !line.trim_start().starts_with(['<', '`']);
    let words = front.lines().filter(is_markup).flat_map(str::split_whitespace);
    let count = words.filter(|word| word.contains(char::is_alphanumeric)).count();
    if count > FRONT_WORDS_MAX {
        findings.push(format!(
            "{README}: {count} words before `{FRONT_END}`, at most {FRONT_WORDS_MAX}"
        ));
    }
}

/// The lines outside fences, with their numbers, and without what stands between backticks.
pub(super) fn prose(text: &str) -> Vec<(usize, String)> {
    let (mut lines, mut is_code) = (Vec::new(), false);
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            lines.push((number, line.split('`').step_by(2).collect::<Vec<_>>().join("`")));
        }
    }
    lines
}

/// Whether `prose` has `phrase` with no letter or digit on either side.
fn has_phrase(prose: &str, phrase: &str) -> bool {
    prose.match_indices(phrase).any(|(start, _)| {
        let before = prose.get(..start).and_then(|text| text.chars().next_back());
        let after = prose.get(start + phrase.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

const README: &str = "README.md";
const TOP: [&str; 3] = [README, "CONTRIBUTING.md", "CHANGELOG.md"];

/// What follows the README's front.
const FRONT_END: &str = "## What is promised";
const FRONT_WORDS_MAX: usize = 300;

/// In small letters, each with what to write instead.
const BANNED: &[(&str, &str)] = &[
    ("wire", "transport"),
    ("wires", "transports"),
    ("whoever", "a client that, or everybody who"),
    ("tell", "say, report, or notify"),
    ("tells", "says, reports, or notifies"),
    ("told", "said, reported, or notified"),
    ("hear", "receive"),
    ("hears", "receives"),
    ("heard", "received"),
    ("bear", "have"),
    ("bears", "has"),
    ("bore", "had"),
    ("anew", "again"),
    ("beside each other", "side by side"),
    ("comings and goings", "joins and leaves"),
    ("who came and who left", "joins and leaves"),
    ("who is there", "presence, or members"),
    ("sent away", "disconnected"),
    ("let go", "disconnected"),
    ("a while ago", "a duration"),
    ("that is none", "that is not one"),
    ("behind it", "after it"),
    ("behind them", "after them"),
    ("behind which", "after which"),
    ("so many", "that many"),
    ("time-out", "timeout"),
    ("seat", "waiter"),
    ("seats", "waiters"),
    ("desk", "worker context"),
    ("roster", "presence list"),
    ("errand", "request in flight"),
    ("errands", "requests in flight"),
    ("at the moment", "now, or for a while"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::findings_of;

    fn findings(path: &str, text: &str) -> Vec<String> {
        findings_of(check, path, text)
    }

    #[test]
    fn a_banned_word_is_found_with_the_word_to_write() {
        let text = "Whoever was\nfine, on any Wire.\n";
        assert_eq!(
            findings("docs/a.md", text),
            [
                "docs/a.md:1: `whoever` is not a word of the documentation: write a client that, or \
                 everybody who; docs/glossary.md has the terms",
                "docs/a.md:2: `wire` is not a word of the documentation: write transport; \
                 docs/glossary.md has the terms",
            ]
        );
        for path in [
            "CONTRIBUTING.md",
            "CHANGELOG.md",
            "crates/client/README.md",
            "fuzz/README.md",
            "docs/a/b.md",
        ] {
            assert_eq!(findings(path, text).len(), 2, "{path}");
        }
    }

    #[test]
    fn code_other_files_and_parts_of_words_are_left_alone() {
        let text = "Tidewire, rewired, `wire`.\n```rust\nlet wire = 1;\n```\n";
        assert_eq!(findings("docs/a.md", text), Vec::<String>::new());
        assert_eq!(findings("ARCHITECTURE.md", "wire\n"), Vec::<String>::new());
        assert_eq!(findings("crates/broker/src/lib.rs", "//! wire\n"), Vec::<String>::new());
    }

    #[test]
    fn the_front_of_the_readme_has_three_hundred_words() {
        let readme = |words: usize| {
            format!("<img alt=\"not counted\">\n{}\n| - |\n{FRONT_END}\nmore\n", "a ".repeat(words))
        };
        assert_eq!(findings(README, &readme(300)), Vec::<String>::new());
        let finding = "README.md: 301 words before `## What is promised`, at most 300";
        assert_eq!(findings(README, &readme(301)), [finding]);
        let finding = "README.md: has no `## What is promised` after its front";
        assert_eq!(findings(README, "a\n"), [finding]);
    }
}
