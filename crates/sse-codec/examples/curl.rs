//! Prints the events of a stream on standard input: `curl -N URL | cargo run --example curl`.

use sse_codec::{Item, Parser};
use std::{
    error::Error,
    io::{self, Read, Write},
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut stdin = io::stdin().lock();
    let mut stdout = io::stdout().lock();
    let mut parser = Parser::new();
    let mut buffer = [0; 16 << 10];
    loop {
        let len = stdin.read(&mut buffer)?;
        if len == 0 {
            return Ok(());
        }
        let mut input = buffer.get(..len).unwrap_or_default();
        while let Some(item) = parser.parse(&mut input)? {
            match item {
                Item::Event(event) if event.last_event_id.is_empty() => {
                    writeln!(stdout, "{}: {}", event.name, event.data)?;
                }
                Item::Event(event) => {
                    writeln!(stdout, "{} {}: {}", event.last_event_id, event.name, event.data)?;
                }
                Item::Retry(wait) => writeln!(stdout, "reconnect after {wait:?}")?,
                _ => {}
            }
        }
        stdout.flush()?;
    }
}
