//! The client that the Autobahn test suite's fuzzing server examines: it echoes, case after case, and
//! offers compression.
//!
//! `cargo run -p tidewire-ws --example autobahn_client --features blocking,deflate -- 127.0.0.1:9001`, with
//! `kosoku --mode fuzzingserver 127.0.0.1:9001` or `wstest --mode fuzzingserver` listening there.
//! `cargo xtask autobahn` does both.

use std::error::Error;
use std::net::TcpStream;
use std::time::Duration;
use std::{env, io};

use ws_frame::blocking::WebSocket;
use ws_frame::deflate::{Config, Context, Direction, Level, WindowBits};
use ws_frame::{Message, Options};

fn main() -> Result<(), Box<dyn Error>> {
    let server = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let mut counting = open(&server, "/getCaseCount")?;
    let Some(Message::Text(cases)) = counting.receive()? else { return Err("no count".into()) };
    for case in 1..=cases.parse::<u32>()? {
        // Many a case breaks off on purpose; the fuzzing server is the judge.
        if let Err(error) = run(&server, case) {
            println!("case {case}: {error:?}");
        }
    }
    // Some hang up at once, without a close.
    let _ = open(&server, &format!("/updateReports?{AGENT}"))?.receive();
    Ok(())
}

/// Echoes until the server has closed.
fn run(server: &str, case: u32) -> Result<(), ws_frame::Error> {
    let mut socket = open(server, &format!("/runCase?case={case}&{AGENT}"))?;
    let echoed = echo(&mut socket);
    // It is the server that hangs up; how, does not matter any more.
    let _ = io::copy(&mut socket.into_inner(), &mut io::sink());
    echoed
}

fn echo(socket: &mut WebSocket<TcpStream>) -> Result<(), ws_frame::Error> {
    while let Some(message) = socket.receive()? {
        socket.send(message)?;
    }
    Ok(())
}

fn open(server: &str, target: &str) -> Result<WebSocket<TcpStream>, ws_frame::Error> {
    let options = Options::default().compress(COMPRESSION, Level::DEFAULT);
    let socket = WebSocket::connect_with(&format!("ws://{server}{target}"), &options)?;
    socket.get_ref().set_read_timeout(Some(SILENCE_MAX))?;
    Ok(socket)
}

/// What the server sends may refer to earlier messages. What this client sends does not, and it says so: the
/// suite puts those cases only to clients that offer it.
const COMPRESSION: Config = Config { server: TAKEN_OVER, client: FRESH };
const FRESH: Direction = Direction { context: Context::Fresh, window_bits: WindowBits::MAX };
const TAKEN_OVER: Direction =
    Direction { context: Context::TakenOver, window_bits: WindowBits::MAX };

/// What the reports call us.
const AGENT: &str = "agent=ws-frame";

/// Longer than any case is silent.
const SILENCE_MAX: Duration = Duration::from_secs(30);
