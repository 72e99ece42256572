//! WebSockets of `tidewire.v1` that ask for more than their share.

use super::publishers::drain;
use crate::hostile::attacker::{Aftermath, Target};
use anyhow::{Result, bail};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

/// Each asks for much more history than the server may keep for it.
pub(in crate::hostile) async fn replies(target: Target) -> Result<Aftermath> {
    let ask = frame(r#"{"type":"history","id":1,"channel":"h","limit":1000}"#).repeat(100);
    let held = each_asks(&target, target.count_to_fill(200), |_| ask.clone()).await?;
    Ok(Aftermath { note: format!("{} x 100 pages", held.len()), held, faults: Vec::new() })
}

/// Each is a member of many channels, and its information is published in each.
pub(in crate::hostile) async fn joins(target: Target) -> Result<Aftermath> {
    let info = "x".repeat(900);
    let held = each_asks(&target, target.count(300), |member| {
        let join = |channel| {
            frame(&format!(
                r#"{{"type":"subscribe","id":{channel},"channel":"room.{member}.{channel}","info":"{info}"}}"#
            ))
        };
        (0..250).flat_map(join).collect()
    })
    .await?;
    Ok(Aftermath { note: format!("{} x 250 joins", held.len()), held, faults: Vec::new() })
}

/// It reads its answers, or it would not be read from.
pub(in crate::hostile) async fn follows(target: Target) -> Result<Aftermath> {
    let mut socket = target.open(HANDSHAKE).await?;
    let mut followed = 0;
    while followed < target.count(100_000) && !target.is_given_up() {
        let both = (followed..followed + FOLLOWED).flat_map(|channel| {
            ["subscribe", "unsubscribe"].map(|request| {
                frame(&format!(
                    r#"{{"type":"{request}","id":{channel},"channel":"gone.{channel}"}}"#
                ))
            })
        });
        let both = both.collect::<Vec<_>>().concat();
        let (answers, mut requests) = socket.split();
        tokio::select! {
            sent = requests.write_all(&both) => sent?,
            _ = drain(answers) => bail!("the connection ended"),
        }
        followed += FOLLOWED;
    }
    Ok(Aftermath { note: format!("{followed} channels"), held: vec![socket], faults: Vec::new() })
}

/// A number of connections, each of which sends what `ask` makes and reads nothing.
async fn each_asks(
    target: &Target,
    count: usize,
    ask: impl Fn(usize) -> Vec<u8>,
) -> Result<Vec<TcpStream>> {
    let mut held = Vec::new();
    while held.len() < count && !target.is_given_up() {
        let mut socket = target.open(HANDSHAKE).await?;
        target.write(&mut socket, &ask(held.len())).await;
        held.push(socket);
    }
    Ok(held)
}

/// A masked text frame whose mask is zero.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u8::try_from(text.len()) {
        Ok(length @ ..126) => frame.push(0x80 | length),
        _ => {
            frame.push(0x80 | 126);
            // No request here is longer than a kilobyte.
            frame.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

const HANDSHAKE: &[u8] =
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: tidewire.v1\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const FOLLOWED: usize = 100;
