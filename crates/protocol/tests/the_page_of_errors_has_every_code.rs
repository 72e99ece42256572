//! `docs/errors.md` has a line for each error code, with its status, and for each close code; and no other.

use std::fs;
use tidewire_protocol::ErrorCode;

#[test]
fn each_error_code_has_its_line() {
    let page = fs::read_to_string(PAGE).unwrap();
    let lines = lines(&page, "| `urn:");
    let expected =
        ErrorCode::ALL.map(|code| format!("| `{}` | {} |", code.problem_type(), code.status()));
    for code in &expected {
        let count = lines.iter().filter(|line| line.starts_with(code.as_str())).count();
        assert_eq!(count, 1, "{PAGE} has {count} lines that begin with {code}");
    }
    assert_eq!(lines.len(), expected.len(), "{PAGE} has a code that is none any more");
}

#[test]
fn each_close_code_has_its_line() {
    let source = fs::read_to_string(CLOSE_CODES).unwrap();
    let codes: Vec<&str> = source
        .lines()
        .filter_map(|line| {
            line.strip_prefix("pub const ")?.split_once(": u16 = ")?.1.strip_suffix(';')
        })
        .collect();
    assert!(codes.len() >= 10, "{codes:?}");
    let page = fs::read_to_string(PAGE).unwrap();
    let lines = lines(&page, "| 1").into_iter().chain(lines(&page, "| 4"));
    let written: Vec<String> = lines
        .filter_map(|line| Some(line.split(" | ").next()?.trim_start_matches("| ").to_owned()))
        .collect();
    assert_eq!(written, codes, "{PAGE} and the source have other close codes, or in another order");
}

/// The page's lines that begin so.
fn lines<'a>(page: &'a str, beginning: &str) -> Vec<&'a str> {
    page.lines().filter(|line| line.starts_with(beginning)).collect()
}

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
const CLOSE_CODES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/close.rs");
