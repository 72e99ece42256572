//! The words of the code: names that a standard term has replaced, comments, and texts that people see.
//!
//! `tidy/words.rs` has the words of the documentation. Comments follow it too, except that `wire` is a type.

use super::words::banned_in;

/// Adds a line to `findings` for each replaced name in a source or its path, and for each comment, and each text of
/// a crate, that uses a word which the documentation does not.
pub(crate) fn check(path: &str, text: &str, findings: &mut Vec<String>) {
    let is_source = SOURCES.iter().any(|ending| path.ends_with(ending));
    if !is_source || path.starts_with("xtask/src/tidy/") {
        return;
    }
    for (name, instead) in replaced_in(path) {
        findings.push(format!(
            "{path}: `{name}` is not a name of a file here: write {instead}; docs/glossary.md has the terms"
        ));
    }
    for (number, line) in (1..).zip(text.lines()) {
        for (name, instead) in replaced_in(line) {
            findings.push(format!(
                "{path}:{number}: `{name}` is not a name here: write {instead}; docs/glossary.md has the terms"
            ));
        }
        for (word, instead) in comment_of(line).iter().flat_map(|comment| banned_in(comment)) {
            // Replaced names are reported already.
            if !TYPES.contains(&word) && replaced_in(word).is_empty() {
                findings.push(format!(
                    "{path}:{number}: `{word}` is not a word of a comment: write {instead}; docs/glossary.md has the terms"
                ));
            }
        }
    }
    if is_shipped(path) {
        for (number, shown) in texts(text) {
            for (word, instead) in banned_in(&shown) {
                findings.push(format!(
                    "{path}:{number}: people read `{word}` here: write {instead}; docs/glossary.md has the terms"
                ));
            }
        }
    }
}

/// Sources whose texts a person may see: not those of tests and of the test harness.
fn is_shipped(path: &str) -> bool {
    let mut parts = path.split('/');
    let is_crate = parts.next() == Some("crates") && parts.next() != Some("test-harness");
    is_crate && parts.next() == Some("src") && !path.contains("/tests") && path.ends_with(".rs")
}

/// The names in `line` that have been replaced, each with its replacement. `WaiterSet`, `waiter_set` and
/// `waiters` have the word `waiter`.
fn replaced_in(line: &str) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    for word in line.split(|c: char| !c.is_ascii_alphanumeric()).flat_map(split_capitals) {
        let word = word.to_ascii_lowercase();
        let singular = word.strip_suffix('s').unwrap_or(&word);
        found.extend(REPLACED.iter().filter(|(name, _)| *name == singular));
    }
    found
}

/// The comment on a line, if there is one, without code between backticks. The slashes of a URL begin none.
fn comment_of(line: &str) -> Option<String> {
    let trimmed = line.trim_start();
    let is_block = trimmed.starts_with("/*") || trimmed.starts_with("* ");
    let begins = |at: &usize| {
        let before = line.get(..*at).and_then(|before| before.chars().next_back());
        before.is_none_or(char::is_whitespace)
    };
    let at = line.match_indices("//").map(|(at, _)| at).find(begins);
    let comment = if is_block { Some(trimmed) } else { line.get(at?..) };
    comment.map(|comment| comment.split('`').step_by(2).collect::<Vec<_>>().join("`"))
}

/// `WaiterSet` in two; `WAITERS` and `waiters` in one.
fn split_capitals(word: &str) -> Vec<&str> {
    let bytes = word.as_bytes();
    let begins = |at: &usize| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let begins = bytes.get(*at).is_some_and(u8::is_ascii_uppercase);
        begins && before.is_some_and(|byte| !byte.is_ascii_uppercase())
    };
    let (mut words, mut start) = (Vec::new(), 0);
    for at in (0..bytes.len()).filter(begins).chain([bytes.len()]) {
        words.extend(word.get(start..at));
        start = at;
    }
    words
}

/// The text between quotes before the first test of a Rust source, each with the number of the line where it begins.
/// Comments, characters and raw strings are passed over.
fn texts(source: &str) -> Vec<(usize, String)> {
    let tests = TESTS.iter().filter_map(|begin| source.find(begin)).min();
    let source = source.get(..tests.unwrap_or(source.len())).unwrap_or(source);
    let (mut found, mut rest, mut number) = (Vec::new(), source, 1);
    while let Some(at) = rest.find(['"', '/', '\'', 'r', '\n']) {
        let (_, here) = rest.split_at(at);
        let length = length_of_token(here);
        if let Some(text) = here.get(1..length - 1).filter(|_| here.starts_with('"')) {
            found.push((number, unbroken(text)));
        }
        number += here.get(..length).unwrap_or(here).matches('\n').count();
        rest = here.get(length..).unwrap_or_default();
    }
    found
}

/// How long what begins at the start of `source` is: a comment, a literal, or one character of anything else.
fn length_of_token(source: &str) -> usize {
    let upto = |end: &str| source.find(end).map_or(source.len(), |at| at + end.len());
    match source.as_bytes() {
        [b'/', b'/', ..] => source.find('\n').unwrap_or(source.len()),
        [b'r', b'#', b'"', ..] => upto("\"#"),
        [b'\'', b'\\', _, b'\'', ..] => 4,
        [b'\'', _, b'\'', ..] => 3,
        [b'"', ..] => {
            let mut is_escaped = false;
            let end = source.char_indices().skip(1).find(|(_, c)| {
                let ends = *c == '"' && !is_escaped;
                is_escaped = *c == '\\' && !is_escaped;
                ends
            });
            end.map_or(source.len(), |(at, _)| at + 1)
        }
        _ => 1,
    }
}

/// A text whose lines are joined where a backslash ends them.
fn unbroken(text: &str) -> String {
    let mut lines = text.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |joined, line| joined + line.trim_start())
}

/// What stands before a test, or a module of tests.
const TESTS: [&str; 2] = ["#[cfg(test)]\nmod tests {", "#[test]"];

const SOURCES: [&str; 3] = [".rs", ".js", ".mjs"];

/// Words of the documentation's list that are types or fields of the code, so comments may name them.
const TYPES: [&str; 2] = ["wire", "wires"];

/// In the singular and in small letters, each with what to write instead.
const REPLACED: &[(&str, &str)] = &[
    ("seat", "waiter"),
    ("desk", "worker context"),
    ("errand", "request guard"),
    ("roster", "presence buffer"),
    ("untold", "pending"),
    ("teller", "presence publisher"),
    ("ledger", "gauge, or timeline"),
    ("census", "totals"),
    ("survey", "recovered"),
    ("mending", "salvage"),
    ("shelf", "archive, or store"),
    ("intake", "input buffer, or engine"),
    ("bell", "waker"),
    ("entrance", "listening socket"),
    ("tell", "report, print, log or notify"),
    ("told", "reported, printed, logged or notified"),
    ("telling", "reporting"),
    ("hear", "receive, or decode"),
    ("heard", "received, or decoded"),
    ("hearing", "receiving"),
    ("whoever", "a client that, or a reader that"),
    ("whomever", "a client that, or a reader that"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::findings_of;

    fn findings(path: &str, text: &str) -> Vec<String> {
        findings_of(check, path, text)
    }

    #[test]
    fn a_replaced_name_is_found_in_every_spelling() {
        for name in ["Seat", "SeatSet", "seats", "seat_count", "SEATS_MAX", "ofSeats", "// a seat"]
        {
            let finding = format!(
                "benches/a.rs:2: `{}` is not a name here: write waiter; docs/glossary.md has the terms",
                "seat"
            );
            assert_eq!(findings("benches/a.rs", &format!("\n{name}\n")), [finding], "{name}");
        }
        assert_eq!(findings("web/a.js", "this.#ledger;\n").len(), 1);
        assert_eq!(findings("crates/a/src/a.rs", "seated, OSEAT, deskTop\n").len(), 1);
        assert_eq!(findings("docs/a.md", "Seat\n"), Vec::<String>::new());
    }

    #[test]
    fn names_of_files_are_names() {
        assert_eq!(
            findings("crates/a/tests/a_gap_is_told.rs", ""),
            [
                "crates/a/tests/a_gap_is_told.rs: `told` is not a name of a file here: write reported, printed, \
                 logged or notified; docs/glossary.md has the terms"
            ]
        );
    }

    #[test]
    fn comments_use_the_words_of_the_documentation() {
        for comment in ["/// It comes anew.", "    let a = 1; // anew", " * anew", "/* anew */"] {
            let finding = "benches/a.rs:1: `anew` is not a word of a comment: write again; docs/glossary.md has the terms";
            assert_eq!(findings("benches/a.rs", comment), [finding], "{comment}");
        }
        let finding = "a.rs:1: `tell` is not a name here: write report, print, log or notify; docs/glossary.md has the terms";
        assert_eq!(findings("a.rs", "// It tells."), [finding], "once");
        for fine in
            ["// a wire, `anew`", "let url = \"http://anew/\";", "let anew = 1;", "a * anew"]
        {
            assert_eq!(findings("a.rs", fine), Vec::<String>::new(), "{fine}");
        }
    }

    #[test]
    fn a_text_that_people_see_uses_the_words_of_the_documentation() {
        let text = "/// wire\nfn a() { log(\"x \\\"wire\\\" \\\n   y\", '\"', \"at the \\\n  moment\") }\n";
        assert_eq!(
            findings("crates/a/src/a.rs", text),
            [
                "crates/a/src/a.rs:2: people read `wire` here: write transport; docs/glossary.md has the terms",
                "crates/a/src/a.rs:3: people read `at the moment` here: write now, or for a while; \
                 docs/glossary.md has the terms",
            ]
        );
    }

    #[test]
    fn tests_raw_strings_and_other_crates_may_print_any_word() {
        let text = "// \"wire\"\nr#\"anew\"#;\n#[cfg(test)]\nmod tests {\n\"anew\"\n}\n";
        assert_eq!(findings("crates/a/src/a.rs", text), Vec::<String>::new());
        for path in ["crates/a/tests/a.rs", "crates/test-harness/src/a.rs", "xtask/src/a.rs"] {
            assert_eq!(findings(path, "\"anew\"\n"), Vec::<String>::new(), "{path}");
        }
    }
}
