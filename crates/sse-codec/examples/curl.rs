//! Prints the events of a stream on standard input: `curl -N URL | cargo run -p tidewire-sse --example curl`.

use sse_codec::{Item, Parser};
use std::{
    error::Error,
    io::{self, Read, Write},
};

pub(crate) fn print(mut input: impl Read, mut output: impl Write) -> Result<(), Box<dyn Error>> {
    let mut parser = Parser::new();
    let mut buffer = [0; 16 << 10];
    loop {
        let len = input.read(&mut buffer)?;
        if len == 0 {
            return Ok(());
        }
        let mut piece = buffer.get(..len).unwrap_or_default();
        while let Some(item) = parser.parse(&mut piece)? {
            match item {
                Item::Event(event) if event.last_event_id.is_empty() => {
                    writeln!(output, "{}: {}", event.name, event.data)?;
                }
                Item::Event(event) => {
                    writeln!(output, "{} {}: {}", event.last_event_id, event.name, event.data)?;
                }
                Item::Retry(wait) => writeln!(output, "reconnect after {wait:?}")?,
                _ => {}
            }
        }
        output.flush()?;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    print(io::stdin().lock(), io::stdout().lock())
}
