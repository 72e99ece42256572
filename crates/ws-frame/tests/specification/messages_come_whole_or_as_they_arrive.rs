//! What lies whole in the buffer is one event; of anything else, all that is there is handed out.

use ws_frame::{Decoder, Event, Kind, Limits, Part, Piece, Role};

fn binary(part: Part, payload: &[u8]) -> Option<Event<'_>> {
    Some(Event::Piece(Piece { kind: Kind::Binary, part, compressed: false, payload }))
}

#[test]
fn whole_messages_back_to_back_leave_the_tail() {
    let mut buffer = *b"\x81\x02hi\x82\x00\x82\x03abc\x81";
    let (mut decoder, limits) = (Decoder::new(Role::Client), Limits::default());
    let mut input = &mut buffer[..];
    let events: [_; 4] = std::array::from_fn(|_| decoder.decode(&mut input, &limits));
    assert_eq!(
        events,
        [
            Ok(Some(Event::Text("hi"))),
            Ok(Some(Event::Binary(b""))),
            Ok(Some(Event::Binary(b"abc"))),
            Ok(None)
        ]
    );
    assert_eq!(input, [0x81]);
}

#[test]
fn a_cut_message_comes_in_the_parts_that_arrive() {
    let (mut decoder, limits) = (Decoder::new(Role::Client), Limits::default());
    let mut decode = |mut input: &mut [u8], expected, left: &[u8]| {
        assert_eq!(decoder.decode(&mut input, &limits), Ok(expected));
        assert_eq!(input, left);
    };
    decode(&mut [0x82], None, &[0x82]);
    decode(&mut [0x82, 4], None, &[0x82, 4]);
    decode(&mut [0x82, 4, 7], binary(Part::First, &[7]), &[]);
    decode(&mut [], None, &[]);
    decode(&mut [8, 9], binary(Part::Middle, &[8, 9]), &[]);
    decode(&mut [10, 0x82, 0], binary(Part::Last, &[10]), &[0x82, 0]);
    decode(&mut [0x82, 0], Some(Event::Binary(&[])), &[]);
}

#[test]
fn every_fragment_is_a_part_even_an_empty_one() {
    let (mut decoder, limits) = (Decoder::new(Role::Client), Limits::default());
    let mut buffer = [0x02, 0, 0x00, 1, 7, 0x00, 0, 0x80, 0];
    let mut input = &mut buffer[..];
    for expected in [
        binary(Part::First, &[]),
        binary(Part::Middle, &[7]),
        binary(Part::Middle, &[]),
        binary(Part::Last, &[]),
        None,
    ] {
        assert_eq!(decoder.decode(&mut input, &limits), Ok(expected));
    }
}
