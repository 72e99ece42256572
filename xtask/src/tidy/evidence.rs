//! Tables of `docs/` whose last column names the tests that show a row: each of these tests exists.

use std::collections::HashSet;

/// Adds the tests of a file of Rust.
pub(super) fn collect(path: &str, text: &str, tests: &mut HashSet<String>) {
    if !path.ends_with(".rs") {
        return;
    }
    // A file of `tests/` is a behaviour, and its name is a sentence.
    if let Some(stem) = path.rsplit('/').next().and_then(|name| name.strip_suffix(".rs"))
        && path.contains("/tests/")
    {
        tests.insert(stem.to_owned());
    }
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some(name) = function(line) {
            if is_test {
                tests.insert(name.to_owned());
            }
            is_test = false;
        }
    }
}

/// The name of the function that a line begins.
fn function(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?;
    rest.split(['(', '<']).next()
}

/// Checks each row after the mark, up to the end of its table.
pub(super) fn check(path: &str, text: &str, tests: &HashSet<String>, findings: &mut Vec<String>) {
    let mut is_marked = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line == MARK {
            is_marked = true;
            continue;
        }
        if !line.starts_with('|') {
            is_marked = false;
        }
        if !is_marked {
            continue;
        }
        let evidence = line.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        let names: Vec<_> = evidence.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            findings.push(format!("{path}:{number}: the row names no test that shows it"));
        }
        for name in names.iter().filter(|name| !tests.contains(**name)) {
            findings.push(format!("{path}:{number}: there is no test `{name}`"));
        }
    }
}

/// Before the first row of such a table.
const MARK: &str = "<!-- evidence -->";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_without_a_test_that_exists_is_found() {
        let mut tests = HashSet::new();
        let code = "#[test]\nfn one() {}\n#[tokio::test]\nasync fn two() {}\nfn helper() {}\n";
        collect("crates/a/tests/it/a_file_says_something.rs", code, &mut tests);
        let page = "| a | b |\n|---|---|\n<!-- evidence -->\n| x | `one`, `two` |\n| x | `helper` |\n\
            | x | nothing |\n| x | `a_file_says_something` |\n\n| y | `no row` |\n";
        let mut findings = Vec::new();
        check("docs/a.md", page, &tests, &mut findings);
        let expected = [
            "docs/a.md:5: there is no test `helper`",
            "docs/a.md:6: the row names no test that shows it",
        ];
        assert_eq!(findings, expected);
    }
}
