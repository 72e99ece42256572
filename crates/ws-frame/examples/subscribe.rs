//! Follows a channel of a running `tidewire`, with nothing but `ws-frame` and `std::net`.
//!
//! `cargo run -p tidewire-ws --example subscribe --features handshake -- 127.0.0.1:8080 lobby`, and
//! elsewhere `curl -d hello http://127.0.0.1:8080/publish/lobby`. What the server says is printed, a
//! line each, until it says that it goes.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::{env, str};

use ws_frame::{
    Decoder, Event, HandshakeKey, Limits, Offer, Piece, Role, VERSION, check_response,
    encode_close, encode_pong, encode_text,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let server = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let channel = arguments.next().unwrap_or_else(|| "lobby".to_owned());
    follow(&server, &channel, &mut io::stdout().lock())
}

/// Subscribes to `channel`, and prints each message on a line until the server closes.
///
/// # Errors
///
/// As for [`open`], or the connection broke, or the server broke the protocol.
pub(crate) fn follow(
    server: &str,
    channel: &str,
    print: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    let (mut stream, mut received) = open(server, "/ws", Some("tidewire.v1"))?;
    let mut output = Vec::new();
    let subscribe = format!(r#"{{"type":"subscribe","id":1,"channel":"{channel}"}}"#);
    encode_text(&subscribe, Some(random()?), &mut output);

    let (mut decoder, limits) = (Decoder::new(Role::Client), Limits::default());
    loop {
        let mut input = received.as_mut_slice();
        while let Some(event) = decoder.decode(&mut input, &limits)? {
            match event {
                Event::Text(text) => writeln!(print, "{text}")?,
                // A long message, as it comes.
                Event::Piece(Piece { part, payload, .. }) => {
                    print.write_all(payload)?;
                    if part.ends() {
                        writeln!(print)?;
                    }
                }
                Event::Ping(payload) => encode_pong(payload, Some(random()?), &mut output)?,
                Event::Close(close) => {
                    encode_close(close, Some(random()?), &mut output)?;
                    return Ok(stream.write_all(&output)?);
                }
                // `tidewire.v1` has neither.
                Event::Binary(_) | Event::Pong(_) => {}
            }
        }
        let unfinished = input.len();
        received.drain(..received.len() - unfinished);
        stream.write_all(&output)?;
        output.clear();
        receive(&mut stream, &mut received)?;
    }
}

/// Opens a WebSocket at `target` of `server`; returns it with what has come past the handshake.
///
/// # Errors
///
/// There is no server, it does not grant the request, or it speaks no WebSocket or not `subprotocol`.
pub(crate) fn open(
    server: &str,
    target: &str,
    subprotocol: Option<&str>,
) -> Result<(TcpStream, Vec<u8>), Box<dyn Error>> {
    let mut stream = TcpStream::connect(server)?;
    // A small frame does not wait for the one before it to be acknowledged.
    stream.set_nodelay(true)?;
    let key = HandshakeKey::from_random(random()?);
    let headers =
        subprotocol.map_or_else(String::new, |name| format!("Sec-WebSocket-Protocol: {name}\r\n"));
    write!(
        stream,
        "GET {target} HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: {VERSION}\r\n{headers}\r\n",
        key.as_str()
    )?;

    let mut received = Vec::new();
    let head_end = loop {
        receive(&mut stream, &mut received)?;
        if let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
        if received.len() > HEAD_BYTES_MAX {
            return Err("the answer to the handshake is too long".into());
        }
    };
    let early = received.split_off(head_end);
    let (status, headers) = read_head(&received).ok_or("the answer to the handshake is no HTTP")?;
    let offer = Offer { subprotocols: subprotocol.as_slice(), ..Offer::default() };
    let chosen = check_response(status, headers, &key, offer);
    let chosen = chosen.map_err(|error| {
        format!("{server} opens no WebSocket, {error}:\n{}", received.escape_ascii())
    })?;
    if chosen != subprotocol {
        return Err(format!("{server} does not speak {}", subprotocol.unwrap_or_default()).into());
    }
    Ok((stream, early))
}

/// A header's name, and the bytes behind its colon.
type Header<'a> = (&'a str, &'a [u8]);

/// The status of a response and its headers; `None` if it is no response of HTTP/1.1. A client that
/// does more with responses than to open WebSockets takes an HTTP library for this.
fn read_head(head: &[u8]) -> Option<(u16, Vec<Header<'_>>)> {
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r"));
    let status = lines.next()??.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    let status = str::from_utf8(status).ok()?.parse().ok()?;
    let mut headers = Vec::new();
    loop {
        let line = lines.next()??;
        if line.is_empty() {
            return Some((status, headers));
        }
        let (name, value) = line.split_at_checked(line.iter().position(|byte| *byte == b':')?)?;
        headers.push((str::from_utf8(name).ok()?, value.get(1..)?));
    }
}

/// Waits for more bytes, and puts them behind those in `received`.
///
/// # Errors
///
/// The connection broke, or ended where nobody had closed it.
pub(crate) fn receive(stream: &mut TcpStream, received: &mut Vec<u8>) -> io::Result<()> {
    let filled = received.len();
    received.resize(filled + RECEIVE_BYTES, 0);
    let more = stream.read(received.get_mut(filled..).unwrap_or_default())?;
    received.truncate(filled + more);
    if more == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

/// Bytes nobody can foresee: a mask's key for each frame, or the handshake's.
pub(crate) fn random<const LEN: usize>() -> Result<[u8; LEN], getrandom::Error> {
    let mut bytes = [0; LEN];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// More than any server has to say.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// Enough for many messages at once.
const RECEIVE_BYTES: usize = 16 << 10;
