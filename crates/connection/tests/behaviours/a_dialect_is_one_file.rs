//! A protocol of lines of text that only this file knows: it is spoken through the public port, by the same core.
#![allow(missing_docs, clippy::panic, clippy::unwrap_used)]

use crate::common::{Server, show};
use std::mem;
use tidewire_broker::{Broker, Content, Draft, Grant, Pattern, Position};
use tidewire_connection::{
    CloseReason, Command, Dialect, Encoding, Ending, GapNotice, Identity, Input, Limits, Opened,
    PendingPublish, Profile, Refusal, Reply, RequestedStart, Subscription, Transport,
};

/// Commands are `sub CHANNEL`, `pub CHANNEL TEXT`, `pong` and `quit`.
#[derive(Debug)]
struct Lines;

static LINE: Encoding = Encoding::new(Transport::Stream, |message, broker, output| {
    let (channel, text) = (message.channel(), str::from_utf8(message.content().as_bytes()));
    let position = broker.position(message.offset());
    output.extend(format!("msg {channel} {position} {}\n", text.unwrap()).bytes());
});

impl Dialect for Lines {
    fn profile(&self) -> Profile {
        Profile { encoding: &LINE, input: Input::Commands, has_heartbeat: true }
    }

    fn open(&mut self, opened: &Opened<'_>, output: &mut Vec<u8>) {
        output.extend(format!("hello {}\n", opened.connection).bytes());
    }

    fn write_gap(&self, gap: &GapNotice<'_>, output: &mut Vec<u8>) {
        output.extend(format!("gap {} {} {}\n", gap.pattern, gap.from, gap.to).bytes());
    }

    fn write_unsubscribed(&self, pattern: &Pattern, refusal: &Refusal, output: &mut Vec<u8>) {
        output.extend_from_slice(format!("end {pattern} {}\n", refusal.code()).as_bytes());
    }

    fn write_heartbeat(&self, position: Position, _limits: &Limits, output: &mut Vec<u8>) {
        output.extend(format!("at {position}\n").bytes());
    }

    fn write_ping(&self, output: &mut Vec<u8>) {
        output.extend(b"ping\n");
    }

    fn write_reply(&self, reply: &Reply<'_>, _broker: &Broker, output: &mut Vec<u8>) {
        let line = match reply {
            Reply::Subscribed { pattern, position, .. } => {
                format!("ok {pattern} {position}\n")
            }
            Reply::Published { position, .. } => format!("ok {position}\n"),
            Reply::Refused { refusal, .. } => format!("no {}\n", refusal.code().as_str()),
            other => panic!("no command asks for {other:?}"),
        };
        output.extend(line.bytes());
    }

    fn write_ending(&mut self, ending: &Ending<'_>, _retry_ms: u64, output: &mut Vec<u8>) {
        output.extend(format!("bye {ending:?}\n").bytes());
    }

    fn decode(
        &mut self,
        input: &mut &mut [u8],
        grant: &Grant,
        _output: &mut Vec<u8>,
    ) -> Option<Command> {
        let end = input.iter().position(|byte| *byte == b'\n')?;
        let (line, rest) = mem::take(input).split_at_mut(end + 1);
        *input = rest;
        let line = str::from_utf8(line).unwrap().trim_end();
        Some(command(line, grant).unwrap_or_else(|refusal| Command::Refuse { id: None, refusal }))
    }
}

fn command(line: &str, grant: &Grant) -> Result<Command, Refusal> {
    let words: Vec<&str> = line.splitn(3, ' ').collect();
    Ok(match words[..] {
        ["sub", channel] => {
            let (pattern, start) = (channel.parse()?, RequestedStart::NOW);
            let (subscription, identity) = (Subscription { pattern, start }, Identity::default());
            Command::Subscribe { id: 0, subscription, identity }
        }
        ["pub", channel, text] => {
            let permit = grant.permit(&channel.parse()?)?;
            let draft = Draft::new(Content::Text(text.into()));
            let publish = PendingPublish { id: Some(0), permit, draft };
            Command::Publish { publish, wants_echo: true }
        }
        ["pong"] => Command::Continue,
        ["quit"] => Command::Leave,
        _ => Command::Close(b"bye, I do not understand\n".to_vec()),
    })
}

/// What the server says in answer to `input`.
fn said(
    server: &mut Server,
    input: &str,
    connection: &mut tidewire_connection::Connection,
) -> String {
    server.input(connection, input.as_bytes());
    show(&server.output(connection))
}

#[test]
fn a_protocol_of_lines_publishes_and_is_delivered() {
    let mut server = Server::new();
    let mut connection = server.open_speaking(Box::new(Lines), &[]);
    assert_eq!(show(&server.output(&mut connection)), "hello c\n");
    assert_eq!(said(&mut server, "sub a\npub a h", &mut connection), "ok a 10-0\n");
    assert_eq!(said(&mut server, "i there\n", &mut connection), "ok 10-1\nmsg a 10-1 hi there\n");
    assert_eq!(said(&mut server, "pub $a x\n", &mut connection), "no forbidden\n");
    assert_eq!(said(&mut server, "sub a\n", &mut connection), "no already_subscribed\n");
}

#[test]
fn the_core_keeps_its_time_and_its_gaps() {
    let mut server = Server::keeping(1);
    let mut connection = server.open_speaking(Box::new(Lines), &[("a", "10-0")]);
    server.text("a", "1");
    server.text("a", "2");
    assert_eq!(show(&server.output(&mut connection)), "hello c\ngap a 10-0 10-1\nmsg a 10-2 2\n");
    server.wait(&mut connection, 20_000);
    assert_eq!(show(&server.output(&mut connection)), "ping\nat 10-2\n");
    server.input(&mut connection, b"pong\n");
    server.wait(&mut connection, 20_000);
    assert_eq!(connection.close_reason(), None);
}

#[test]
fn a_silent_or_confused_client_is_disconnected_and_one_that_leaves_goes() {
    for (input, output, reason) in [
        ("quit\n", "", CloseReason::Left),
        ("jump\npub a x\n", "bye, I do not understand\n", CloseReason::Refused),
    ] {
        let mut server = Server::new();
        let mut connection = server.open_speaking(Box::new(Lines), &[("a", "now")]);
        server.output(&mut connection);
        assert_eq!(said(&mut server, input, &mut connection), output);
        server.wait(&mut connection, 3_000);
        assert_eq!(connection.close_reason(), Some(reason), "{input}");
    }
}

#[test]
fn all_of_its_connections_share_the_bytes_of_a_message() {
    let mut server = Server::new();
    let mut two = [(), ()].map(|()| server.open_speaking(Box::new(Lines), &[("a", "now")]));
    two.iter_mut().for_each(|connection| drop(server.output(connection)));
    server.text("a", "hi");
    let before = server.worker.broker.stats().bytes;
    let line = "msg a 10-1 hi\n";
    for connection in &mut two {
        assert_eq!(show(&server.output(connection)), line);
        assert_eq!(server.worker.broker.stats().bytes, before + line.len());
    }
}

#[test]
fn it_says_goodbye_in_its_own_words() {
    let mut server = Server::new();
    let mut connection = server.open_speaking(Box::new(Lines), &[("a", "now")]);
    server.output(&mut connection);
    connection.dismiss(100, crate::common::GRACE_MS, server.time);
    assert_eq!(
        show(&server.output(&mut connection)),
        "bye ShuttingDown { position: Some(Position { epoch: 36, offset: 0 }) }\n"
    );
    assert_eq!(said(&mut server, "quit\n", &mut connection), "");
    assert_eq!(connection.close_reason(), Some(CloseReason::Dismissed));
}

#[test]
fn it_says_which_subscription_the_server_has_ended() {
    let mut server = Server::new();
    let mut connection = server.open_speaking(Box::new(Lines), &[("a", "now"), ("b", "now")]);
    server.output(&mut connection);
    let grant = crate::common::limited_to(&[], &["a"], &[]);
    connection.handle_granted(grant, &mut server.worker, server.time);
    server.text("b", "1");
    server.text("a", "2");
    assert_eq!(show(&server.output(&mut connection)), "end b forbidden\nmsg a 10-2 2\n");
}
