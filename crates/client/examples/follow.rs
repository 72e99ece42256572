//! Follows channels like `tail -f`, and goes on after a restart exactly where it was: its position is in a file.
//!
//! ```sh
//! cargo run -p tidewire-client --example follow -- http://127.0.0.1:8080 position.txt 'logs.>'
//! ```
//!
//! The position is written after the lines before it have been printed. So a message may be printed twice after a power cut,
//! and none is ever left out. Lost messages are reported on standard error.

use futures_util::StreamExt as _;
use std::{
    env,
    error::Error,
    fs,
    io::{self, Write as _},
    path::Path,
    time::Duration,
};
use tidewire_client::{Bookmark, Client, Delivery, Since};
use tokio::{
    select,
    time::{MissedTickBehavior, interval},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [url, file, channels @ ..] = arguments.as_slice() else {
        return Err("usage: follow URL FILE PATTERN...".into());
    };
    let file = Path::new(file);
    let client = Client::new(url)?;
    let mut messages = client.subscribe_raw(channels).since(stored(file)?).stream();
    let mut written = None;
    let mut pause = interval(PAUSE);
    pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        select! {
            biased;
            // What has come together is written together, also while more comes without end.
            _ = pause.tick(), if messages.position() != written => {
                io::stdout().flush()?;
                written = messages.position();
                written.map_or(Ok(()), |position| store(file, position))?;
            }
            message = messages.next() => match message {
                Some(Ok(Delivery::Message(message))) => {
                    let payload = message.bytes().unwrap_or_default();
                    println!("{}\t{}", message.channel, String::from_utf8_lossy(&payload));
                }
                Some(Ok(Delivery::Gap(gap))) => {
                    eprintln!("{}: messages between {} and {} are lost", gap.channel, gap.from, gap.to);
                }
                Some(Err(error)) => return Err(error.into()),
                None => return Ok(()),
            },
        }
    }
}

/// Where it was, or the beginning of what the server has.
fn stored(file: &Path) -> Result<Since, Box<dyn Error>> {
    match fs::read_to_string(file) {
        Ok(position) => Ok(position.trim().parse()?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Since::Earliest),
        Err(error) => Err(error.into()),
    }
}

/// Replaces the file at once, so that it is never half written.
fn store(file: &Path, position: Bookmark) -> io::Result<()> {
    let next = file.with_extension("next");
    fs::write(&next, position.to_string())?;
    fs::rename(next, file)
}

const PAUSE: Duration = Duration::from_millis(50);
