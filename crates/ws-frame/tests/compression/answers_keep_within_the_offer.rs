//! A client agrees to an answer that keeps within its offer, and to no other.

use ws_frame::deflate::Context::{Fresh, TakenOver};
use ws_frame::deflate::NegotiationError::{
    ExtensionNotOffered, Malformed, ParameterInvalid, ParameterUnfit,
};
use ws_frame::deflate::{Config, Context, Direction, NegotiationError, WindowBits};

fn direction(context: Context, bits: u8) -> Direction {
    Direction { context, window_bits: WindowBits::new(bits).unwrap() }
}

fn open() -> Config {
    Config { server: direction(TakenOver, 15), client: direction(TakenOver, 15) }
}

fn limited() -> Config {
    Config { server: direction(Fresh, 12), client: direction(Fresh, 10) }
}

#[test]
fn offers_say_what_is_asked_for() {
    assert_eq!(open().offer(), "permessage-deflate; client_max_window_bits");
    assert_eq!(
        limited().offer(),
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
         server_max_window_bits=12; client_max_window_bits=10"
    );
}

#[test]
fn what_keeps_within_the_offer_is_agreed_to() {
    let (open, limited) = (open(), limited());
    let any = direction(TakenOver, 15);
    for (config, answer, server, client) in [
        (open, "", any, any),
        (open, "; server_no_context_takeover", direction(Fresh, 15), any),
        (open, "; client_no_context_takeover", any, direction(Fresh, 15)),
        (open, "; server_max_window_bits=\"9\"", direction(TakenOver, 9), any),
        (open, "; server_max_window_bits=8", direction(TakenOver, 9), any),
        (open, "; client_max_window_bits=11", any, direction(TakenOver, 11)),
        (open, "; client_max_window_bits=15; server_max_window_bits=15", any, any),
        (
            limited,
            "; server_no_context_takeover; server_max_window_bits=11",
            direction(Fresh, 11),
            direction(Fresh, 10),
        ),
        (
            limited,
            "; server_no_context_takeover; server_max_window_bits=12; client_max_window_bits=9",
            direction(Fresh, 12),
            direction(Fresh, 9),
        ),
    ] {
        let answer = format!("permessage-deflate{answer}");
        let agreement = config.confirm([&answer[..]]).unwrap().unwrap();
        assert_eq!((agreement.server(), agreement.client()), (server, client), "{answer}");
    }
}

#[test]
fn silence_declines() {
    for headers in [&[][..], &[""], &[" , "]] {
        assert_eq!(open().confirm(headers.iter().copied()), Ok(None));
    }
}

#[test]
fn what_goes_beyond_the_offer_is_refused() {
    for (answer, error) in [
        ("permessage-deflate;", Malformed),
        ("permessage-deflate; server_max_window_bits=\"9", Malformed),
        ("x-webkit-deflate-frame", ExtensionNotOffered),
        ("permessage-deflate, permessage-deflate", ExtensionNotOffered),
        ("permessage-deflate, x-other", ExtensionNotOffered),
        ("permessage-deflate; unknown", ParameterInvalid),
        ("permessage-deflate; server_no_context_takeover=1", ParameterInvalid),
        (
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            ParameterInvalid,
        ),
        ("permessage-deflate; client_max_window_bits", ParameterInvalid),
        ("permessage-deflate; server_max_window_bits", ParameterInvalid),
        ("permessage-deflate; server_max_window_bits=16", ParameterInvalid),
        ("permessage-deflate; client_max_window_bits=8", ParameterUnfit),
    ] {
        refuses(open(), answer, error);
    }
    for parameters in [
        "",
        "; server_no_context_takeover",
        "; server_max_window_bits=12",
        "; server_no_context_takeover; server_max_window_bits=13",
        "; server_no_context_takeover; server_max_window_bits=12; client_max_window_bits=11",
    ] {
        refuses(limited(), &format!("permessage-deflate{parameters}"), ParameterUnfit);
    }
}

#[track_caller]
fn refuses(config: Config, answer: &str, error: NegotiationError) {
    assert_eq!(config.confirm([answer]), Err(error), "{answer}");
    assert!(!error.to_string().is_empty());
}

#[test]
fn every_pair_of_our_own_sides_agrees_on_the_same() {
    let sides: Vec<_> =
        (9..=15).flat_map(|bits| [direction(Fresh, bits), direction(TakenOver, bits)]).collect();
    for client in &sides {
        for server in &sides {
            let asks = Config { server: *server, client: *client };
            let keeps = Config { server: *client, client: *server };
            let there = keeps.accept([&asks.offer()[..]]).unwrap();
            let here = asks.confirm([&there.to_string()[..]]).unwrap().unwrap();
            assert_eq!((here.server(), here.client()), (there.server(), there.client()));
            let least = server.window_bits.min(client.window_bits);
            assert_eq!((here.server().window_bits, here.client().window_bits), (least, least));
        }
    }
}
