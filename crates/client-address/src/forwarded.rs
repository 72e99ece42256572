//! `Forwarded` ([RFC 7239]): an element for each proxy, such as `for=192.0.2.1;proto=https`, with commas between them.
//!
//! A value may be quoted, and a comma may be within quotes. An element is searched from the right all the same: what is on
//! the left, the client may have sent, and a quote that it opens and never closes must not swallow what a proxy appends.
//!
//! [RFC 7239]: https://www.rfc-editor.org/rfc/rfc7239

use crate::node;
use std::{borrow::Cow, net::IpAddr};

/// The addresses that the elements of one header line name with `for`, the last element first; `None` where one names none.
pub(crate) fn from_right(line: &str) -> impl Iterator<Item = Option<IpAddr>> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let (before, element) = split_last(rest?);
        rest = before;
        Some(address(element))
    })
}

/// The last element, and what is before its comma.
fn split_last(line: &str) -> (Option<&str>, &str) {
    let bytes = line.as_bytes();
    let mut is_quoted = false;
    for (at, byte) in bytes.iter().enumerate().rev() {
        match byte {
            b'"' if !is_escaped(bytes, at) => is_quoted = !is_quoted,
            b',' if !is_quoted => {
                let (before, after) = line.split_at(at);
                return (Some(before), after.strip_prefix(',').unwrap_or(after));
            }
            _ => {}
        }
    }
    (None, line)
}

/// Whether the byte at `at` follows an odd number of backslashes.
fn is_escaped(bytes: &[u8], at: usize) -> bool {
    let before = bytes.get(..at).unwrap_or_default();
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// The address that an element names with `for`, if it is as it has to be: `name=value`, with semicolons between.
fn address(element: &str) -> Option<IpAddr> {
    let mut found = None;
    let mut rest = element.trim_matches(BLANK);
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        if name.is_empty() || !name.bytes().all(is_of_token) {
            return None;
        }
        let (value, after) = value(after)?;
        if name.eq_ignore_ascii_case("for") {
            // Twice, it is not known which one a proxy wrote.
            if found.is_some() {
                return None;
            }
            found = Some(node::address(&value)?);
        }
        let after = after.trim_start_matches(BLANK);
        rest = match after.strip_prefix(';') {
            Some(next) => next.trim_start_matches(BLANK),
            None if after.is_empty() => after,
            None => return None,
        };
    }
    found
}

/// The value at the front of `text`, and the rest. Unquoted it may have a colon and brackets too, as some proxies write it.
fn value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', '"', ' ', '\t']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return Some((value.into(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return Some((value.into(), characters.as_str())),
            '\\' => value.push(characters.next()?),
            plain => value.push(plain),
        }
    }
}

/// `tchar` of [RFC 9110 §5.6.2].
///
/// [RFC 9110 §5.6.2]: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2
fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

const BLANK: [char; 2] = [' ', '\t'];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Vec<String> {
        let text = |address: Option<IpAddr>| address.map_or_else(String::new, |it| it.to_string());
        from_right(line).map(text).collect()
    }

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        for (line, expected) in [
            ("for=\"_gazonk\"", &[""][..]),
            ("For=\"[2001:db8:cafe::17]:4711\"", &["2001:db8:cafe::17"]),
            ("for=192.0.2.60;proto=http;by=203.0.113.43", &["192.0.2.60"]),
            ("for=192.0.2.43, for=198.51.100.17", &["198.51.100.17", "192.0.2.43"]),
            (
                "for=192.0.2.43,for=\"[2001:db8:cafe::17]\",for=unknown",
                &["", "2001:db8:cafe::17", "192.0.2.43"],
            ),
            ("for=_hidden, for=_SEVKISEK", &["", ""]),
            ("host=\"a, b\\\"\"; for=192.0.2.43 , proto=http", &["", "192.0.2.43"]),
            ("for=192.0.2.43:47011", &["192.0.2.43"]),
        ] {
            assert_eq!(read(line), expected, "{line}");
        }
    }

    #[test]
    fn what_a_client_sends_does_not_reach_into_what_a_proxy_appends() {
        for sent in [
            "for=\"",
            "for=\"1.1.1.1",
            "\\",
            "for=\"\\",
            ",,,",
            "for=1.1.1.1;for=2.2.2.2;",
            "a=\"b\\\\\"",
        ] {
            for appended in ["for=192.0.2.43", "by=\"a,\\\"b\";for=\"192.0.2.43\""] {
                let line = format!("{sent}, {appended}");
                assert_eq!(from_right(&line).next(), Some("192.0.2.43".parse().ok()), "{line}");
            }
        }
    }

    #[test]
    fn an_element_that_is_malformed_names_nobody() {
        for line in [
            "",
            ";",
            "for",
            "for=",
            "=192.0.2.1",
            "for=192.0.2.1;for=192.0.2.2",
            "for =192.0.2.1",
            "for=192.0.2.1 x=y",
            "for=\"192.0.2.1",
            "for=\"192.0.2.1\"x",
            "for=192.0.2.1;\u{e9}=x",
        ] {
            assert_eq!(read(line), [""], "{line}");
        }
    }
}
