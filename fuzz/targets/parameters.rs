//! Any bytes as the query of a URL and as the body of a request to subscribe: what is accepted is what a naive reader reads,
//! and what was written is read again, in the query and in the body alike.
//!
//! An input is which of these, choices, and then the text.

#![no_main]

#[expect(dead_code, reason = "nothing is cut into chunks here")]
mod choices;

use choices::Choices;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};
use tidewire_protocol::Parameters;

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    match choices.byte() % 3 {
        0 => assert_query_says_what_a_naive_reader_reads(choices.wire()),
        1 => assert_body_says_what_serde_json_reads(choices.wire()),
        _ => assert_query_and_body_say_the_same(choices),
    }
});

/// A pair for each part of the query whose name is known; everything else is refused, but for `_`.
fn assert_query_says_what_a_naive_reader_reads(text: &[u8]) {
    let query = String::from_utf8_lossy(text);
    let read = Parameters::of_query(&query, KNOWN, UNREAD);
    let mut naive = Some(Vec::new());
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        match (naive_decode(name), naive_decode(value)) {
            (Some(name), _) if UNREAD.contains(&&*name) => {}
            (Some(name), Some(value)) if KNOWN.contains(&&*name) => {
                naive.iter_mut().for_each(|pairs| pairs.push((name.clone(), value.clone())));
            }
            (Some(name), Some(_)) if name == "_" => {}
            _ => naive = None,
        }
    }
    match (read, naive) {
        (Ok(read), Some(naive)) => assert_eq!(pairs(&read), naive, "{query}"),
        (Err(error), None) => assert!(error.message.len() < 1_000, "{error}"),
        (read, naive) => panic!("{query}: {read:?} and {naive:?}"),
    }
}

/// A byte for each `%` with two digits, and a space for each `+`.
fn naive_decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let (mut decoded, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let digits =
            bytes.get(at + 1..at + 3).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        match (bytes[at], digits) {
            (b'%', Some(digits)) => {
                let digits = std::str::from_utf8(digits).unwrap();
                decoded.push(u8::from_str_radix(digits, 16).unwrap());
                at += 3;
            }
            (byte, _) => {
                decoded.push(if byte == b'+' { b' ' } else { byte });
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).ok()
}

/// What is accepted is an object whose members are known, each once and of its type.
fn assert_body_says_what_serde_json_reads(text: &[u8]) {
    let mut read = Parameters::of_query("", KNOWN, UNREAD).unwrap();
    if let Err(error) = read.add_body(text) {
        assert!(error.message.len() < 1_000, "{error}");
        return;
    }
    // It keeps the last of two members; here they would have been refused.
    let naive: Map<String, Value> = serde_json::from_slice(text).unwrap();
    let mut said: Vec<(String, String)> = Vec::new();
    for (name, value) in &naive {
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            ("channels", Value::Array(channels)) => {
                said.extend(
                    channels
                        .iter()
                        .map(|it| ("channel".to_owned(), it.as_str().unwrap().to_owned())),
                );
            }
            ("since" | "format" | "lastEventId", Value::String(text)) => {
                said.push((name.clone(), text.clone()))
            }
            ("info", _) => said.push((name.clone(), String::new())),
            other => panic!("{other:?} was accepted"),
        }
    }
    let mut pairs = pairs(&read);
    for (name, value) in pairs.iter_mut().filter(|(name, _)| name == "info") {
        assert_eq!(serde_json::from_str::<Value>(value).unwrap(), naive[name]);
        value.clear();
    }
    pairs.sort();
    said.sort();
    assert_eq!(pairs, said);
}

/// The same parameters, written as a query and as a body.
fn assert_query_and_body_say_the_same(mut choices: Choices<'_>) {
    let (count, has_since) = (usize::from(choices.byte() % 4), choices.byte().is_multiple_of(2));
    let text = String::from_utf8_lossy(choices.wire()).into_owned();
    let channels: Vec<&str> = text.splitn(count.max(1), '\n').take(count).collect();
    let mut query: Vec<String> =
        channels.iter().map(|it| format!("channel={}", encode(it))).collect();
    let mut body = json!({ "channels": channels });
    if has_since {
        query.push(format!("since={}", encode(&text)));
        body["since"] = json!(text);
    }
    let of_query = Parameters::of_query(&query.join("&"), KNOWN, UNREAD).unwrap();
    let mut of_body = Parameters::of_query("", KNOWN, UNREAD).unwrap();
    of_body.add_body(body.to_string().as_bytes()).unwrap();
    assert_eq!(pairs(&of_query), pairs(&of_body));
    assert_eq!(of_query.all("channel").collect::<Vec<_>>(), channels);
}

/// Every byte as `%` and two digits.
fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn pairs(parameters: &Parameters) -> Vec<(String, String)> {
    parameters.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

const KNOWN: &[&str] =
    &["channel", "since", "format", "lastEventId", "Last-Event-ID", "info", "token"];
const UNREAD: &[&str] = &["token"];
