//! A chat in the terminal: prints what the others say in a room, and says each line that is typed.
//!
//! ```sh
//! cargo run -p tidewire-client --example chat -- http://127.0.0.1:8080 room1 ada
//! ```
//!
//! It shows the last ten minutes first. A line that is typed while there is no connection is said once there is one again.

use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use std::{env, error::Error};
use tidewire_client::{Client, Delivery, State};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, stdin},
    select,
};

#[derive(Serialize, Deserialize)]
struct Said {
    by: String,
    text: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [url, room, name] = arguments.as_slice() else {
        return Err("usage: chat URL ROOM NAME".into());
    };
    let client = Client::builder(url).user(name.as_str()).build()?;
    let channel = format!("chat.{room}");
    let outbox = client.outbox(100);
    let mut messages = client.subscribe::<Said>(channel.as_str()).since("10m".parse()?).stream();
    let mut states = messages.states();
    let mut lines = BufReader::new(stdin()).lines();
    let mut is_typing = true;
    loop {
        select! {
            message = messages.next() => match message {
                Some(Ok(Delivery::Message(said))) => println!("{}: {}", said.data.by, said.data.text),
                Some(Ok(Delivery::Gap(_))) => println!("-- some messages are lost --"),
                Some(Err(error)) if error.is_final() => return Err(error.into()),
                Some(Err(error)) => eprintln!("{error}"),
                None => return Ok(()),
            },
            line = lines.next_line(), if is_typing => match line? {
                Some(text) => {
                    let said = client.publish(&*channel).json(&Said { by: name.clone(), text })?;
                    if let Err(full) = outbox.publish(said) {
                        eprintln!("not said: {full}");
                    }
                }
                None => is_typing = false,
            },
            Ok(()) = states.changed() => {
                if let State::Waiting { outage, .. } = &*states.borrow_and_update() {
                    eprintln!("-- no connection: {} --", outage.cause);
                }
            }
        }
    }
}
