//! Messages of `ws-frame` come back from Chromium's `WebSocket` as they were, its pings are
//! answered, and its closes are understood.

use crate::{
    common::within,
    web_socket::{Browser, Received, Server},
};
use anyhow::Result;
use fastrand::Rng;
use serde_json::json;
use ws_frame::{
    Close, CloseCode, Kind, Part, PayloadLen, Piece, encode_binary, encode_close, encode_head,
    encode_piece, encode_ping, encode_pong, encode_text,
};

/// What a random message looks like on the wire, and what shall come back.
struct Exchange {
    wire: Vec<u8>,
    message: Received,
    pongs: Vec<Received>,
}

impl Exchange {
    fn random(random: &mut Rng) -> Result<Self> {
        let len = *random.choice(LENGTHS).unwrap_or(&0);
        let mut wire = Vec::new();
        let mut pongs = Vec::new();
        let (kind, payload, message) = if random.bool() {
            let text = text(random, len);
            (Kind::Text, text.clone().into_bytes(), Received::Text(text))
        } else {
            let payload: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(len).collect();
            (Kind::Binary, payload.clone(), Received::Binary(payload))
        };
        match (&message, random.u8(..4)) {
            (Received::Text(text), 0) => encode_text(text, None, &mut wire),
            (Received::Binary(payload), 0) => encode_binary(payload, None, &mut wire),
            (_, 1) => {
                encode_head(kind, Part::Whole, PayloadLen::of(&payload), None, &mut wire);
                wire.extend_from_slice(&payload);
            }
            _ => fragments(random, kind, &payload, &mut wire, &mut pongs)?,
        }
        Ok(Self { wire, message, pongs })
    }

    /// Sends the message and receives all of the answer.
    async fn take_place(mut self, server: &mut Server) -> Result<()> {
        server.send(&self.wire).await?;
        let mut pongs = self.pongs.drain(..);
        let mut message = Some(self.message);
        while message.is_some() || pongs.len() > 0 {
            match server.receive().await? {
                pong @ Received::Pong(_) => assert_eq!(Some(pong), pongs.next()),
                other => assert_eq!(Some(other), message.take()),
            }
        }
        Ok(())
    }
}

/// Cuts anywhere, also inside a code point, and puts pings and pongs between.
fn fragments(
    random: &mut Rng,
    kind: Kind,
    mut payload: &[u8],
    wire: &mut Vec<u8>,
    pongs: &mut Vec<Received>,
) -> Result<()> {
    let mut part = Part::First;
    for _ in 0..random.usize(1..5) {
        let (front, back) = payload.split_at(random.usize(..=payload.len()));
        encode_piece(Piece { kind, part, compressed: false, payload: front }, None, wire);
        (part, payload) = (Part::Middle, back);
        if random.bool() {
            let question = vec![random.u8(..); random.usize(..=125)];
            encode_ping(&question, None, wire)?;
            encode_pong(b"unasked", None, wire)?;
            pongs.push(Received::Pong(question));
        }
    }
    encode_piece(Piece { kind, part: Part::Last, compressed: false, payload }, None, wire);
    Ok(())
}

/// A text of `len` bytes.
fn text(random: &mut Rng, len: usize) -> String {
    let mut text = String::new();
    while let left @ 1.. = len - text.len() {
        let char = *random.choice(&['a', '\0', 'é', '€', '🦀']).unwrap_or(&'a');
        text.push(if char.len_utf8() > left { 'z' } else { char });
    }
    text
}

#[tokio::test]
async fn messages_come_back_and_pings_are_answered() -> Result<()> {
    within(180, async {
        let mut browser = Browser::start().await?;
        let mut server = browser.connect().await?;
        for seed in 0..EXCHANGES {
            Exchange::random(&mut Rng::with_seed(seed))?.take_place(&mut server).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_close_is_understood_and_answered() -> Result<()> {
    within(180, async {
        let mut browser = Browser::start().await?;
        let longest = "é".repeat(61) + "!";
        for code in (1000..=1003).chain(1007..=1014).chain([3000, 3999, 4000, 4999]) {
            for reason in ["", "bye", &longest] {
                let mut server = browser.connect().await?;
                let mut wire = Vec::new();
                let code = CloseCode::new(code).unwrap();
                encode_close(Some(Close { code, reason }), None, &mut wire)?;
                server.send(&wire).await?;
                let answer = server.receive().await?;
                assert_eq!(answer, Received::Close(Some((code.number(), reason.to_owned()))));
                drop(server);
                assert_eq!(browser.closed().await?, json!([code.number(), reason, true]));
            }
        }
        let mut server = browser.connect().await?;
        let mut wire = Vec::new();
        encode_close(None, None, &mut wire)?;
        server.send(&wire).await?;
        assert_eq!(server.receive().await?, Received::Close(None));
        drop(server);
        // Chromium's word for a close without a code.
        assert_eq!(browser.closed().await?, json!([1005, "", true]));
        Ok(())
    })
    .await
}

const EXCHANGES: u64 = 200;

/// Both sides of every length at which the header changes, and some more.
const LENGTHS: &[usize] = &[0, 1, 2, 5, 30, 125, 126, 127, 1_000, 65_535, 65_536, 70_000];
