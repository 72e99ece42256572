//! A broadcast is compressed once, without a context and in a small enough window, and goes to
//! every connection among its other messages, whatever that connection agreed on.

use ws_frame::deflate::{Config, Context, Deflater, Direction, Inflater, Level, WindowBits};
use ws_frame::{Kind, Limits};

use crate::feed::{Random, TAKEN_OVER, inflate};

#[test]
fn that_agreed_on_different_things() {
    let config = Config { server: TAKEN_OVER, client: TAKEN_OVER };
    let offers = [
        "permessage-deflate",
        "permessage-deflate; server_no_context_takeover",
        "permessage-deflate; server_max_window_bits=10",
        "permessage-deflate; server_max_window_bits=12; server_no_context_takeover",
    ];
    let agreements = offers.map(|offer| config.accept([offer]).unwrap());
    let fresh = |window_bits| Direction { context: Context::Fresh, window_bits };
    let small = fresh(WindowBits::new(10).unwrap());
    assert!(agreements.iter().all(|agreement| small.fits(agreement.server())));
    let mut broadcaster = Deflater::new(small, Level::DEFAULT);
    let mut connections = agreements.map(|agreement| {
        let own = Deflater::new(fresh(agreement.server().window_bits), Level::FASTEST);
        (own, Inflater::new(agreement.server()))
    });

    let mut random = Random(3);
    let limits = Limits::default();
    for _ in 0..100 {
        let (message, mut payload) = (random.message(5_000), Vec::new());
        broadcaster.deflate(&message, &mut payload);
        for (own, inflater) in &mut connections {
            let pieces = random.cut(&payload);
            let received = inflate(inflater, Kind::Binary, &limits, pieces);
            assert!(received.as_ref() == Ok(&message));

            let (message, mut payload) = (random.message(500), Vec::new());
            own.deflate(&message, &mut payload);
            let received = inflate(inflater, Kind::Binary, &limits, [&payload[..]]);
            assert!(received == Ok(message));
        }
    }
}

#[test]
fn unless_it_does_not_fit_one() {
    let direction =
        |context, bits| Direction { context, window_bits: WindowBits::new(bits).unwrap() };
    for (own, agreed, fits) in [
        ((Context::Fresh, 12), (Context::Fresh, 12), true),
        ((Context::Fresh, 12), (Context::TakenOver, 13), true),
        ((Context::Fresh, 12), (Context::TakenOver, 11), false),
        ((Context::TakenOver, 12), (Context::TakenOver, 12), true),
        ((Context::TakenOver, 12), (Context::Fresh, 12), false),
    ] {
        assert_eq!(direction(own.0, own.1).fits(direction(agreed.0, agreed.1)), fits);
    }
}
