//! An echo server on `std::net`: one thread a connection, and nothing but `ws-frame`. What comes
//! compressed goes back compressed.
//!
//! `cargo run -p tidewire-ws --example echo --features handshake,deflate -- 127.0.0.1:9001`, then in a
//! browser's console: `s = new WebSocket("ws://127.0.0.1:9001")`, `s.onmessage = console.log`,
//! `s.send("hi")`.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;
use std::{env, mem, str, thread};

use ws_frame::deflate::{
    Agreement, Config, Context, Deflater, Direction, Inflater, Level, WindowBits,
};
use ws_frame::{
    Close, Decoder, EncodeError, Event, Limits, Part, Piece, ProtocolError, Role, VERSION,
    check_request, encode_binary, encode_close, encode_piece, encode_pong, encode_text,
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
        Some(opening) => echo(&mut stream, &mut buffer, opening),
        None => Ok(()),
    }
}

/// What a granted request leads to.
struct Opening {
    /// How many bytes have come past the request, now at the buffer's front.
    filled: usize,
    /// What was agreed on about compression.
    agreement: Option<Agreement>,
}

/// Answers the request, and says whether it was granted.
fn handshake(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<Option<Opening>, Box<dyn Error>> {
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
    let (response, opening) = answer(buffer.get(..end).unwrap_or_default());
    stream.write_all(response.as_bytes())?;
    buffer.copy_within(end..filled, 0);
    Ok(opening.map(|agreement| Opening { filled: filled - end, agreement }))
}

/// The response to a request, and if it grants that, what was agreed on about compression.
fn answer(head: &[u8]) -> (String, Option<Option<Agreement>>) {
    let Some(Head { method, version, headers }) = Head::read(head) else {
        let response = "HTTP/1.1 400 Not HTTP\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        return (response.to_owned(), None);
    };
    match check_request(method, version, headers.iter().copied()) {
        Ok(key) => {
            let extensions = headers.iter().filter_map(|(name, value)| {
                let is_named = name.eq_ignore_ascii_case("Sec-WebSocket-Extensions");
                is_named.then_some(str::from_utf8(value).ok()).flatten()
            });
            let agreement = COMPRESSION.accept(extensions);
            let agreed = agreement.map(|agreed| format!("Sec-WebSocket-Extensions: {agreed}\r\n"));
            let response = format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                 Connection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n{}\r\n",
                key.accept(),
                agreed.unwrap_or_default()
            );
            (response, Some(agreement))
        }
        Err(error) => {
            let status = error.status();
            let response = format!(
                "HTTP/1.1 {status} {error}\r\nAllow: GET\r\nSec-WebSocket-Version: {VERSION}\r\n\
                 Upgrade: websocket\r\nConnection: Upgrade, close\r\nContent-Length: 0\r\n\r\n"
            );
            (response, None)
        }
    }
}

/// What a request's head says, less its target: this server has only one thing to offer.
struct Head<'a> {
    method: &'a str,
    version: &'a str,
    headers: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Head<'a> {
    /// Splits a head into its lines; `None` if it is malformed. A server that does more with requests than to open
    /// WebSockets uses an HTTP library for this.
    fn read(head: &'a [u8]) -> Option<Self> {
        let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r"));
        let words: Vec<&str> = str::from_utf8(lines.next()??).ok()?.split(' ').collect();
        let [method, _target, version] = words[..] else { return None };
        let mut headers = Vec::new();
        loop {
            let line = lines.next()??;
            if line.is_empty() {
                return Some(Self { method, version, headers });
            }
            let (name, value) =
                line.split_at_checked(line.iter().position(|byte| *byte == b':')?)?;
            // White space here would be part of the name to one reader and not to the next.
            if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
                return None;
            }
            headers.push((str::from_utf8(name).ok()?, value.get(1..)?));
        }
    }
}

/// Echoes messages until a close or an error.
///
/// One that comes in pieces is answered when it is whole: many a peer sends all of a message before
/// it reads, and would wait for us as we for it.
fn echo(
    stream: &mut TcpStream,
    buffer: &mut [u8],
    Opening { mut filled, agreement }: Opening,
) -> Result<(), Box<dyn Error>> {
    let (mut decoder, limits) = (Decoder::new(Role::Server), Limits::default());
    if agreement.is_some() {
        decoder = decoder.allow_compressed();
    }
    let (mut answer, mut output) = (Answer::new(agreement), Vec::new());
    loop {
        let mut input = buffer.get_mut(..filled).unwrap_or_default();
        let open = loop {
            match decoder.decode(&mut input, &limits) {
                Ok(None) => break true,
                Ok(Some(Event::Text(text))) => encode_text(text, None, &mut output),
                Ok(Some(Event::Binary(payload))) => encode_binary(payload, None, &mut output),
                Ok(Some(Event::Piece(piece))) => {
                    if let Err(error) = answer.receive(piece, &limits, &mut output) {
                        break refuse(error, &mut output)?;
                    }
                }
                Ok(Some(Event::Ping(payload))) => encode_pong(payload, None, &mut output)?,
                Ok(Some(Event::Pong(_))) => {}
                Ok(Some(Event::Close(close))) => {
                    encode_close(close, None, &mut output)?;
                    break false;
                }
                Err(error) => break refuse(error, &mut output)?,
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

/// Says why the connection ends, and that it does.
fn refuse(error: ProtocolError, output: &mut Vec<u8>) -> Result<bool, EncodeError> {
    let close = Close { code: error.close_code(), reason: "" };
    encode_close(Some(close), None, output)?;
    Ok(false)
}

/// A message that comes in pieces or compressed, until it is whole.
struct Answer {
    message: Vec<u8>,
    /// One a connection, since each has a thread of its own; a deflater is large.
    compression: Option<(Inflater, Deflater)>,
}

impl Answer {
    fn new(agreement: Option<Agreement>) -> Self {
        let compression = agreement.map(|agreement| {
            let deflater = Deflater::new(agreement.server(), Level::DEFAULT);
            (Inflater::new(agreement.client()), deflater)
        });
        Self { message: Vec::new(), compression }
    }

    /// Adds a piece of the message, and says it all again with the last.
    fn receive(
        &mut self,
        piece: Piece<'_>,
        limits: &Limits,
        output: &mut Vec<u8>,
    ) -> Result<(), ProtocolError> {
        let compression = self.compression.as_mut().filter(|_| piece.compressed);
        let Some((inflater, deflater)) = compression else {
            self.message.extend_from_slice(piece.payload);
            if piece.part.ends() {
                let payload = &mem::take(&mut self.message);
                encode_piece(Piece { part: Part::Whole, payload, ..piece }, None, output);
            }
            return Ok(());
        };
        inflater.inflate(piece, limits, &mut self.message)?;
        if piece.part.ends() {
            let mut payload = Vec::new();
            deflater.deflate(&mem::take(&mut self.message), &mut payload);
            encode_piece(Piece { part: Part::Whole, payload: &payload, ..piece }, None, output);
        }
        Ok(())
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

/// Messages may refer to earlier ones, since a connection has its compressor for itself.
const COMPRESSION: Config = Config { server: TAKEN_OVER, client: TAKEN_OVER };
const TAKEN_OVER: Direction =
    Direction { context: Context::TakenOver, window_bits: WindowBits::MAX };

/// How long a peer may keep silent before it ends its side.
const HANG_UP_WAIT: Duration = Duration::from_secs(1);

/// Room for a request's head, and for much more than a decoder leaves unfinished.
const RECEIVE_BYTES: usize = 16 << 10;
