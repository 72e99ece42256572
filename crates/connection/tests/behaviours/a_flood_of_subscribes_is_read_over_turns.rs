//! A client may send a thousand subscribes at once: a turn carries out some of them, and the rest follows in later turns.
#![allow(missing_docs)]

use crate::common::{Server, TIDEWIRE, frame, texts};

#[test]
fn a_flood_of_subscribes_is_read_over_turns() {
    let mut server = Server::new();
    let mut connection = server.open(TIDEWIRE, &[]);
    server.output(&mut connection);
    let flood = (0..100).flat_map(|n| {
        let kind = if n % 2 == 0 { "subscribe" } else { "unsubscribe" };
        frame(&format!(r#"{{"type":"{kind}","id":{n},"channel":"c.{}"}}"#, n / 2))
    });
    server.input(&mut connection, &flood.collect::<Vec<u8>>());
    let (mut answered, mut turns) = (0, 0);
    while answered < 100 {
        let answers = texts(&server.output(&mut connection)).len();
        assert!((1..=32).contains(&answers), "{answers} in turn {turns}");
        (answered, turns) = (answered + answers, turns + 1);
        server.wait(&mut connection, 0);
    }
    assert_eq!(turns, 4);
}
