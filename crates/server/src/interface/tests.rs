//! The table is whole: what it names is described, the router has it, and the documents are what their specifications ask for.

use super::{
    endpoint::Needs,
    frames::{ANSWERS, NOTICES, REQUESTS},
    *,
};
use crate::access::{TICKET, TOKEN};
use serde_json::Value;
use std::collections::HashSet;
use tidewire_protocol::{ClientMessage, ErrorCode, ServerEvent, StreamLine};

#[test]
fn every_parameter_is_described() {
    for endpoint in ENDPOINTS {
        let in_query = endpoint.parameters.iter().filter(|name| ![TICKET, TOKEN].contains(name));
        let in_headers = endpoint.operations.iter().flat_map(|operation| operation.headers);
        for name in in_query.chain(in_headers) {
            let is_described = parameters::Parameter::named(endpoint.path, name).is_some();
            assert!(is_described, "{}: describe {name} in interface/parameters.rs", endpoint.path);
        }
        for name in endpoint.path.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
            let is_described = parameters::in_path(name).is_some();
            assert!(is_described, "{}: describe {name} in interface/parameters.rs", endpoint.path);
        }
    }
}

#[test]
fn names_are_unique_and_every_operation_says_what_it_does() {
    let (mut paths, mut ids) = (HashSet::new(), HashSet::new());
    for endpoint in ENDPOINTS {
        assert!(paths.insert(endpoint.path), "{} is there twice", endpoint.path);
        for operation in endpoint.operations {
            assert!(ids.insert(operation.id), "{} is there twice", operation.id);
            assert!(!operation.summary.is_empty() && !operation.summary.ends_with('.'));
            let is_open = operation.needs == Needs::Nothing;
            let says_who = [ErrorCode::Unauthorized, ErrorCode::Forbidden, ErrorCode::Expired];
            // These come from what it needs.
            assert!(operation.errors.iter().all(|code| !says_who.contains(code)) || is_open);
        }
    }
}

#[test]
fn every_path_is_on_the_page_for_people() {
    let page = include_str!("../../../../docs/http.md");
    for endpoint in ENDPOINTS.iter().filter(|endpoint| !endpoint.is_file()) {
        let cell = format!("`{}`", endpoint.path);
        let mut rows = page.lines().filter(|line| line.starts_with("| `/"));
        assert!(rows.any(|row| row.contains(&cell)), "docs/http.md has no row for {cell}");
    }
}

#[test]
fn every_schema_that_is_named_is_there() {
    for document in [openapi::document(), asyncapi::document()] {
        let mut references = Vec::new();
        collect(&document, &mut references);
        assert!(references.len() > 20);
        for reference in references {
            let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference}"));
            assert!(document.pointer(pointer).is_some(), "{reference} is not there");
        }
    }
}

/// The values of all members `$ref`.
fn collect<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|value| collect(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}

#[test]
fn every_error_of_the_protocol_is_in_the_description() {
    let document = openapi::document();
    let codes = document.pointer("/components/schemas/ErrorCode/enum").unwrap();
    let codes: Vec<_> = codes.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(codes, ErrorCode::ALL.map(ErrorCode::as_str));
}

/// By which a new request cannot be forgotten: it does not compile until it has a name here.
fn name_of_request(request: &ClientMessage<'_>) -> &'static str {
    match request {
        ClientMessage::Subscribe(_) => "subscribe",
        ClientMessage::Unsubscribe(_) => "unsubscribe",
        ClientMessage::Publish(_) => "publish",
        ClientMessage::History(_) => "history",
        ClientMessage::Presence(_) => "presence",
        ClientMessage::Token(_) => "token",
    }
}

fn name_of_answer(answer: &ServerEvent) -> &str {
    match answer {
        ServerEvent::Welcome(_) => "welcome",
        ServerEvent::Subscribed(_) => "subscribed",
        ServerEvent::Unsubscribed(_) => "unsubscribed",
        ServerEvent::Published(_) => "published",
        ServerEvent::Granted(_) => "granted",
        ServerEvent::Expiring(_) => "expiring",
        ServerEvent::History(_) => "history",
        ServerEvent::Presence(_) => "presence",
        ServerEvent::Error(_) => "error",
        ServerEvent::Message(_) => "message",
        ServerEvent::Gap(_) => "gap",
        ServerEvent::Position(_) => "position",
        ServerEvent::Goodbye(_) => "goodbye",
        ServerEvent::Other { kind } => panic!("{kind} is no frame of ours"),
    }
}

#[test]
fn every_example_of_a_frame_is_one_of_its_type() {
    for frame in REQUESTS {
        for text in [frame.least, frame.most] {
            let request =
                ClientMessage::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(name_of_request(&request), frame.name);
        }
    }
    for frame in ANSWERS {
        for text in [frame.least, frame.most] {
            let answer = ServerEvent::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(name_of_answer(&answer), frame.name);
        }
    }
    for frame in NOTICES {
        for text in [frame.least, frame.most] {
            let line = StreamLine::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert!(!matches!(line, StreamLine::Other { .. }), "{text}");
        }
    }
    assert_eq!((REQUESTS.len(), ANSWERS.len()), (6, 13), "a type of the protocol has no row");
}

#[test]
fn a_member_that_an_example_leaves_out_is_optional_and_no_other() {
    for frame in ANSWERS {
        let least: Value = serde_json::from_str(frame.least).unwrap();
        // A page has a number only as an answer to a request that has one.
        for name in least.as_object().unwrap().keys().filter(|name| *name != "id") {
            let mut without = least.clone();
            without.as_object_mut().unwrap().remove(name);
            let is_read = ServerEvent::parse(&without.to_string()).is_ok();
            assert!(!is_read, "{}: {name} is not required", frame.name);
        }
    }
}
