//! What programs and people read of a refusal, by its cause: both are part of the protocol.
#![allow(missing_docs, clippy::unwrap_used)]

use tidewire_broker::{
    AppendError, DraftError, EngineError, Forbidden, Grant, Pattern, Publishers, QuotaError,
};
use tidewire_connection::{
    Identity, NoPresence, Refusal, ShuttingDown, Span, parse_event, parse_key, parse_page_limit,
};
use tidewire_protocol::{ClientMessage, ErrorCode, PublishedData};

#[track_caller]
fn check(refusal: impl Into<Refusal>, code: &str, text: &str) {
    let refusal = refusal.into();
    assert_eq!((refusal.code().as_str(), refusal.to_string().as_str()), (code, text));
}

#[test]
fn the_end_of_a_grant_is_named() {
    check(
        Forbidden::Expired,
        "expired",
        "the caller's grant has expired; get a new one, and resume from the last position",
    );
    check(
        Refusal::Revoked,
        "forbidden",
        "the caller's grant covers none of the connection's subscriptions any more",
    );
}

#[test]
fn what_a_request_says_wrong_is_named() {
    check(
        ClientMessage::parse(r#"{"type":"x"}"#).unwrap_err(),
        "unknown_type",
        "unknown type `x`: allowed are subscribe, unsubscribe, publish, history, presence, token",
    );
    check(
        "a..b".parse::<Pattern>().unwrap_err(),
        "bad_channel",
        "a channel name has an empty token; dots only join tokens, as in chat.room1",
    );
    check(
        Span::parse(None, Some("now"), Some("now")).unwrap_err(),
        "bad_request",
        "before and until exclude each other: with before, a page holds the newest messages there; \
         with until, the oldest since `since`",
    );
    check(
        parse_page_limit("0").unwrap_err(),
        "bad_request",
        "limit=0 is not a whole number from 1 on",
    );
    check(
        parse_event(Some("$gap")).unwrap_err(),
        "bad_request",
        "event begins with $; such events belong to the system",
    );
    check(
        parse_event(Some("open")).unwrap_err(),
        "bad_request",
        "event is open, which a browser's EventSource gives to onopen beside its own; choose \
         another name",
    );
    check(parse_key(Some("")).unwrap_err(), "bad_request", "key is empty; leave it out instead");
    check(
        Identity::new(Some("a\nb"), None).unwrap_err(),
        "bad_request",
        "user holds a control character; line ends and the like are not allowed",
    );
    check(
        PublishedData::resolve(None, Some("hex")).unwrap_err(),
        "bad_data",
        "unknown encoding: the only one allowed is `base64`",
    );
}

#[test]
fn what_the_connection_cannot_do_is_named() {
    let pattern: Pattern = "a.*".parse().unwrap();
    check(
        Refusal::Unsupported { what: "tokens" },
        "unsupported",
        "this server does not support tokens",
    );
    check(
        Refusal::TooManySubscriptions { subscriptions_max: 3 },
        "too_many_subscriptions",
        "a connection has at most 3 subscriptions",
    );
    check(
        Refusal::AlreadySubscribed { pattern: pattern.clone() },
        "already_subscribed",
        "already subscribed to a.*",
    );
    check(Refusal::NotSubscribed { pattern }, "not_subscribed", "not subscribed to a.*");
    check(
        NoPresence { channel: "a".parse().unwrap() },
        "not_found",
        "a has no presence; set `presence = true` in the configuration, for the channel or a \
         pattern, such as [channels.\"a\"]",
    );
    check(ShuttingDown, "unavailable", "the server is shutting down; try again in a moment");
}

#[test]
fn who_can_change_it_decides_the_code_of_a_message_that_was_not_taken() {
    let too_large = AppendError::from(DraftError::TooLarge { bytes: 9, bytes_max: 8 });
    check(too_large, "payload_too_large", "the message has 9 bytes; at most 8 are allowed");
    let code = |error: AppendError| Refusal::from(error).code();
    assert_eq!(code(DraftError::KeyMissing.into()), ErrorCode::BadRequest);
    assert_eq!(code(DraftError::IdTaken.into()), ErrorCode::Conflict);
    assert_eq!(code(AppendError::NotAllowed { allowed: Publishers::Nobody }), ErrorCode::Forbidden);
    assert_eq!(code(QuotaError::TooManyIds { ids_max: 1 }.into()), ErrorCode::Overloaded);
    assert_eq!(code(QuotaError::TooManyKeys { keys_max: 1 }.into()), ErrorCode::StateFull);
    assert_eq!(code(EngineError::Overloaded.into()), ErrorCode::Overloaded);
    assert_eq!(code(EngineError::StorageFull.into()), ErrorCode::InsufficientStorage);
    assert_eq!(code(EngineError::Unavailable.into()), ErrorCode::Unavailable);
    let forbidden = Grant::open().permit(&"$a".parse().unwrap()).unwrap_err();
    assert_eq!(Refusal::from(forbidden).code(), ErrorCode::Forbidden);
}
