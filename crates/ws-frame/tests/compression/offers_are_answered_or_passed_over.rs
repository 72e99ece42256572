//! A server takes the first offer it can keep, and answers with what it keeps to.

use ws_frame::deflate::Context::{Fresh, TakenOver};
use ws_frame::deflate::{Config, Context, Direction, WindowBits};

/// A side's context and the exponent of its window.
type Side = (Context, u8);

fn direction((context, bits): Side) -> Direction {
    Direction { context, window_bits: WindowBits::new(bits).unwrap() }
}

#[track_caller]
fn answers(server: Side, client: Side, headers: &[&str], expected: Option<(&str, Side, Side)>) {
    let config = Config { server: direction(server), client: direction(client) };
    let agreement = config.accept(headers.iter().copied());
    let answer = agreement.map(|agreement| agreement.to_string());
    assert_eq!(answer.as_deref(), expected.map(|(answer, ..)| answer), "{headers:?}");
    if let (Some(agreement), Some((_, server, client))) = (agreement, expected) {
        assert_eq!(agreement.server(), direction(server), "{headers:?}");
        assert_eq!(agreement.client(), direction(client), "{headers:?}");
    }
}

const ANY: Side = (TakenOver, 15);

#[test]
fn by_a_server_that_takes_everything() {
    for (offer, answer, server, client) in [
        ("", "", ANY, ANY),
        ("; client_max_window_bits", "", ANY, ANY),
        ("; client_max_window_bits=15", "", ANY, ANY),
        ("; client_max_window_bits=\"15\"", "", ANY, ANY),
        ("; client_max_window_bits=12", "; client_max_window_bits=12", ANY, (TakenOver, 12)),
        ("; client_max_window_bits=8", "; client_max_window_bits=8", ANY, (TakenOver, 9)),
        ("; server_max_window_bits=15", "; server_max_window_bits=15", ANY, ANY),
        ("; server_max_window_bits=9", "; server_max_window_bits=9", (TakenOver, 9), ANY),
        (";server_max_window_bits = \"1\\0\"", "; server_max_window_bits=10", (TakenOver, 10), ANY),
        ("; server_no_context_takeover", "; server_no_context_takeover", (Fresh, 15), ANY),
        ("; client_no_context_takeover", "; client_no_context_takeover", ANY, (Fresh, 15)),
        (
            ";client_max_window_bits=9;server_max_window_bits=11;client_no_context_takeover\
             ;server_no_context_takeover",
            "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=11\
             ; client_max_window_bits=9",
            (Fresh, 11),
            (Fresh, 9),
        ),
    ] {
        let [offer, answer] = [offer, answer].map(|text| format!("permessage-deflate{text}"));
        answers(ANY, ANY, &[&offer], Some((&answer, server, client)));
    }
}

#[test]
fn by_a_server_that_sets_limits() {
    for (offer, answer, server, client) in [
        ("", "; server_max_window_bits=12", (Fresh, 12), (Fresh, 15)),
        (
            "; client_max_window_bits",
            "; server_max_window_bits=12; client_max_window_bits=10",
            (Fresh, 12),
            (Fresh, 10),
        ),
        (
            "; client_max_window_bits=9; server_max_window_bits=15",
            "; server_max_window_bits=12; client_max_window_bits=9",
            (Fresh, 12),
            (Fresh, 9),
        ),
        ("; server_max_window_bits=11", "; server_max_window_bits=11", (Fresh, 11), (Fresh, 15)),
    ] {
        let offer = format!("permessage-deflate{offer}");
        let flags = "; server_no_context_takeover; client_no_context_takeover";
        let answer = format!("permessage-deflate{flags}{answer}");
        answers((Fresh, 12), (Fresh, 10), &[&offer], Some((&answer, server, client)));
    }
}

#[test]
fn an_offer_that_cannot_be_kept_is_passed_over() {
    for parameters in [
        "; unknown",
        "; mode=fast",
        "; Server_No_Context_Takeover",
        "; server_no_context_takeover=1",
        "; client_no_context_takeover=true",
        "; server_no_context_takeover; server_no_context_takeover",
        "; client_no_context_takeover; client_no_context_takeover",
        "; server_max_window_bits",
        "; server_max_window_bits=7",
        "; server_max_window_bits=8",
        "; server_max_window_bits=16",
        "; server_max_window_bits=010",
        "; server_max_window_bits=+10",
        "; server_max_window_bits=10; server_max_window_bits=10",
        "; client_max_window_bits=7",
        "; client_max_window_bits=16",
        "; client_max_window_bits=08",
        "; client_max_window_bits; client_max_window_bits=10",
        "; client_max_window_bits; client_max_window_bits",
    ] {
        let offer = format!("permessage-deflate{parameters}");
        answers(ANY, ANY, &[&offer], None);
        let second = "permessage-deflate; server_max_window_bits=10";
        let expected = Some((second, (TakenOver, 10), ANY));
        answers(ANY, ANY, &[&format!("{offer}, {second}, permessage-deflate")], expected);
        answers(ANY, ANY, &["x-other; mode=fast", &offer, second], expected);
    }
}

#[test]
fn what_is_no_offer_is_not_answered() {
    for headers in [
        &[][..],
        &[""],
        &["x-webkit-deflate-frame"],
        &["permessage-deflate2, Permessage-Deflate"],
        &["x; permessage-deflate"],
        &["permessage-deflate; server_max_window_bits=\"10"],
        &["permessage-deflate", "x;"],
    ] {
        answers(ANY, ANY, headers, None);
    }
}
