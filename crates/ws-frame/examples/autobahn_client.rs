//! The client that the Autobahn test suite's fuzzing server examines: it echoes, case after case.
//!
//! `cargo run -p tidewire-ws --example autobahn_client --features handshake -- 127.0.0.1:9001`, with
//! `kosoku --mode fuzzingserver 127.0.0.1:9001` or `wstest --mode fuzzingserver` listening there.
//! `cargo xtask autobahn` does both.

use std::error::Error;
use std::io::{self, Write};
use std::net::TcpStream;
use std::time::Duration;
use std::{env, mem, str};

use ws_frame::{
    Close, Decoder, Event, Kind, Limits, Part, Piece, Role, encode_close, encode_piece, encode_pong,
};

#[path = "subscribe.rs"]
#[expect(dead_code, reason = "all that is used is how it opens and reads a connection")]
mod subscribe;

use subscribe::{open, random, receive};

fn main() -> Result<(), Box<dyn Error>> {
    let server = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let cases = Conversation::open(&server, "/getCaseCount")?.hold(Answer::Silence)?;
    for case in 1..=str::from_utf8(&cases)?.parse::<u32>()? {
        let conversation = Conversation::open(&server, &format!("/runCase?case={case}&{AGENT}"))?;
        // Many a case breaks off on purpose; the fuzzing server is the judge.
        if let Err(error) = conversation.hold(Answer::Echo) {
            println!("case {case}: {error}");
        }
    }
    // Some hang up at once, without a close.
    let _ = Conversation::open(&server, &format!("/updateReports?{AGENT}"))?.hold(Answer::Silence);
    Ok(())
}

/// What a message is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Echo,
    Silence,
}

/// One connection, from its handshake to its end.
#[derive(Debug)]
struct Conversation {
    stream: TcpStream,
    /// What came right after the handshake.
    received: Vec<u8>,
    /// What is to be sent.
    output: Vec<u8>,
    /// The message that has come last, or what has come of it.
    message: Vec<u8>,
}

impl Conversation {
    fn open(server: &str, target: &str) -> Result<Self, Box<dyn Error>> {
        let (stream, received) = open(server, target, None)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        Ok(Self { stream, received, output: Vec::new(), message: Vec::new() })
    }

    /// Answers until the server has closed; returns the last message.
    fn hold(mut self, answer: Answer) -> Result<Vec<u8>, Box<dyn Error>> {
        let (mut decoder, limits) = (Decoder::new(Role::Client), Limits::default());
        let mut received = mem::take(&mut self.received);
        loop {
            let mut input = received.as_mut_slice();
            let is_open = loop {
                match decoder.decode(&mut input, &limits) {
                    Ok(None) => break true,
                    Ok(Some(event)) if self.handle(event, answer)? => {}
                    Ok(Some(_)) => break false,
                    Err(error) => {
                        let close = Close { code: error.close_code(), reason: "" };
                        encode_close(Some(close), Some(random()?), &mut self.output)?;
                        break false;
                    }
                }
            };
            self.stream.write_all(&self.output)?;
            self.output.clear();
            if !is_open {
                // It is the server that hangs up; how, does not matter any more.
                let _ = io::copy(&mut self.stream, &mut io::sink());
                return Ok(self.message);
            }
            let unfinished = input.len();
            received.drain(..received.len() - unfinished);
            receive(&mut self.stream, &mut received)?;
        }
    }

    /// Answers one event; false if that was the last.
    fn handle(&mut self, event: Event<'_>, answer: Answer) -> Result<bool, Box<dyn Error>> {
        match event {
            Event::Text(text) => self.handle_piece(whole(Kind::Text, text.as_bytes()), answer)?,
            Event::Binary(payload) => self.handle_piece(whole(Kind::Binary, payload), answer)?,
            Event::Piece(piece) => self.handle_piece(piece, answer)?,
            Event::Ping(payload) => encode_pong(payload, Some(random()?), &mut self.output)?,
            Event::Pong(_) => {}
            Event::Close(close) => encode_close(close, Some(random()?), &mut self.output)?,
        }
        Ok(!matches!(event, Event::Close(_)))
    }

    fn handle_piece(&mut self, piece: Piece<'_>, answer: Answer) -> Result<(), Box<dyn Error>> {
        if piece.part.begins() {
            self.message.clear();
        }
        self.message.extend_from_slice(piece.payload);
        if piece.part.ends() && answer == Answer::Echo {
            encode_piece(whole(piece.kind, &self.message), Some(random()?), &mut self.output);
        }
        Ok(())
    }
}

fn whole(kind: Kind, payload: &[u8]) -> Piece<'_> {
    Piece { kind, part: Part::Whole, compressed: false, payload }
}

/// What the reports call us.
const AGENT: &str = "agent=ws-frame";

/// Longer than any case is silent.
const SILENCE_MAX: Duration = Duration::from_secs(30);
