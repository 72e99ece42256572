//! An echo server on `std::net`: one thread a connection, and nothing but `ws-frame`.
//!
//! `cargo run -p ws-frame --example echo --features handshake -- 127.0.0.1:9001`, then in a
//! browser's console: `s = new WebSocket("ws://127.0.0.1:9001")`, `s.onmessage = console.log`,
//! `s.send("hi")`.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;
use std::{env, str, thread};

use ws_frame::{
    Close, Decoder, Event, HandshakeError, HandshakeKey, Limits, Part, Piece, Role, VERSION,
    check_version, encode_binary, encode_close, encode_piece, encode_pong, encode_text,
};

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("listening on ws://{}", listener.local_addr()?);
    serve(&listener)
}

/// Answers everybody who comes, until the listener fails.
pub(crate) fn serve(listener: &TcpListener) -> io::Result<()> {
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || {
            if let Err(error) = connection(stream) {
                eprintln!("{error}");
            }
        });
    }
    Ok(())
}

fn connection(mut stream: TcpStream) -> Result<(), Box<dyn Error>> {
    // A small answer does not wait for the one before it to be acknowledged.
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; RECEIVE_BYTES];
    match handshake(&mut stream, &mut buffer)? {
        Some(filled) => echo(&mut stream, &mut buffer, filled),
        None => Ok(()),
    }
}

/// Answers the request; says how many bytes past it have come, if it was granted.
fn handshake(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<Option<usize>, Box<dyn Error>> {
    let mut filled = 0;
    let end = loop {
        let received = stream.read(buffer.get_mut(filled..).unwrap_or_default())?;
        if received == 0 {
            return Err("no request, or none of a reasonable size".into());
        }
        filled += received;
        let arrived = buffer.get(..filled).unwrap_or_default();
        if let Some(end) = arrived.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let granted = accept(str::from_utf8(buffer.get(..end).unwrap_or_default())?);
    let response = match &granted {
        Ok(accept) => format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        ),
        Err(error) => format!(
            "HTTP/1.1 {} {error}\r\nSec-WebSocket-Version: {VERSION}\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n",
            error.status()
        ),
    };
    stream.write_all(response.as_bytes())?;
    buffer.copy_within(end..filled, 0);
    Ok(granted.is_ok().then_some(filled - end))
}

/// The `Sec-WebSocket-Accept` for a request.
fn accept(request: &str) -> Result<String, HandshakeError> {
    let header = |name: &str| {
        let mut headers = request.lines().filter_map(|line| line.split_once(':'));
        let found = headers.find(|(candidate, _)| candidate.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value.trim())
    };
    check_version(header("Sec-WebSocket-Version"))?;
    Ok(HandshakeKey::parse(header("Sec-WebSocket-Key"))?.accept())
}

/// Echoes messages until a close or an error.
///
/// One that comes in pieces is answered when it is whole: many a peer sends all of a message before
/// it reads, and would wait for us as we for it.
fn echo(
    stream: &mut TcpStream,
    buffer: &mut [u8],
    mut filled: usize,
) -> Result<(), Box<dyn Error>> {
    let (mut decoder, limits) = (Decoder::new(Role::Server), Limits::default());
    let (mut message, mut output) = (Vec::new(), Vec::new());
    loop {
        let mut input = buffer.get_mut(..filled).unwrap_or_default();
        let open = loop {
            match decoder.decode(&mut input, &limits) {
                Ok(None) => break true,
                Ok(Some(Event::Text(text))) => encode_text(text, None, &mut output),
                Ok(Some(Event::Binary(payload))) => encode_binary(payload, None, &mut output),
                Ok(Some(Event::Piece(Piece { kind, part, payload, .. }))) => {
                    message.extend_from_slice(payload);
                    if part.ends() {
                        let whole =
                            Piece { kind, part: Part::Whole, compressed: false, payload: &message };
                        encode_piece(whole, None, &mut output);
                        message.clear();
                    }
                }
                Ok(Some(Event::Ping(payload))) => encode_pong(payload, None, &mut output)?,
                Ok(Some(Event::Pong(_))) => {}
                Ok(Some(Event::Close(close))) => {
                    encode_close(close, None, &mut output)?;
                    break false;
                }
                Err(error) => {
                    let close = Close { code: error.close_code(), reason: "" };
                    encode_close(Some(close), None, &mut output)?;
                    break false;
                }
            }
        };
        let unfinished = filled - input.len()..filled;
        stream.write_all(&output)?;
        output.clear();
        if !open {
            return hang_up(stream);
        }

        filled = unfinished.len();
        buffer.copy_within(unfinished, 0);
        match stream.read(buffer.get_mut(filled..).unwrap_or_default())? {
            0 => return Ok(()),
            received => filled += received,
        }
    }
}

/// Ends our side, and lets the peer end its own.
///
/// To hang up on bytes unread resets the connection, which may take from the peer what it has not
/// read yet, the close frame last of all.
fn hang_up(stream: &mut TcpStream) -> Result<(), Box<dyn Error>> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(HANG_UP_WAIT))?;
    // Whatever still comes, and however that ends, it is over.
    let _ = io::copy(stream, &mut io::sink());
    Ok(())
}

/// How long a peer may keep silent before it ends its side.
const HANG_UP_WAIT: Duration = Duration::from_secs(1);

/// Room for a request's head, and for much more than a decoder leaves unfinished.
const RECEIVE_BYTES: usize = 16 << 10;
