//! A header may declare what it likes: the decoder holds nothing for it, counted by the allocator.

use allocation_counter::measure;
use ws_frame::ProtocolError::{LengthTooLarge, MessageTooLong};
use ws_frame::{Decoder, Event, Limits, Role};

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(std::hint::black_box(vec![7]))).count_total, 1);
}

#[test]
fn not_for_a_length_past_the_limit() {
    for (len, error) in
        [(1 << 63, LengthTooLarge), (1 << 40, MessageTooLong), (1 << 25, MessageTooLong)]
    {
        let mut wire = [&[0x82, 0xFF][..], &u64::to_be_bytes(len), &[1, 2, 3, 4]].concat();
        let mut decoder = Decoder::new(Role::Server);
        let allocations = measure(|| {
            let outcome = decoder.decode(&mut &mut wire[..], &Limits::default());
            assert_eq!(outcome, Err(error));
        });
        assert_eq!(allocations.count_total, 0);
    }
}

#[test]
fn not_for_a_length_within_it_nor_for_what_arrives() {
    let (mut decoder, limits) = (Decoder::new(Role::Client), Limits::default());
    let mut head = *b"\x81\x7f\0\0\0\0\x01\0\0\0 ";
    let mut text = [b'a'; 1 << 16];
    let allocations = measure(|| {
        assert!(matches!(decoder.decode(&mut &mut head[..], &limits), Ok(Some(Event::Piece(_)))));
        for _ in 0..255 {
            assert!(matches!(
                decoder.decode(&mut &mut text[..], &limits),
                Ok(Some(Event::Piece(_)))
            ));
        }
    });
    assert_eq!(allocations.count_total, 0);
}
