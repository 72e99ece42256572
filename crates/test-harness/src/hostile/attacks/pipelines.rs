//! Requests in a row whose answers nobody reads.

use crate::hostile::attacker::{Aftermath, Target, get};
use anyhow::Result;
use tokio::io::AsyncWriteExt as _;

pub(in crate::hostile) async fn assets(target: Target) -> Result<Aftermath> {
    let requests = get("/assets/style.css").repeat(10_000);
    unread(&target, 1, &requests).await
}

pub(in crate::hostile) async fn answers(target: Target) -> Result<Aftermath> {
    let publish =
        b"POST /publish/unheard HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi";
    unread(&target, 1, &publish.repeat(100_000)).await
}

pub(in crate::hostile) async fn history(target: Target) -> Result<Aftermath> {
    let request = get("/channels/h/messages?limit=1000");
    let requests = request.repeat(HISTORY_BYTES / request.len());
    let connections = target.count(100);
    unread(&target, connections, &requests).await
}

pub(in crate::hostile) async fn polls(target: Target) -> Result<Aftermath> {
    let request = get("/poll?channel=nothing&since=now");
    let mut opened = 0;
    while opened < target.count(20_500) && !target.is_given_up() {
        let mut socket = target.connect().await?;
        socket.write_all(&request).await?;
        opened += 1;
    }
    Ok(Aftermath { note: format!("{opened} polls"), ..Aftermath::default() })
}

/// Writes the requests on each of a number of connections, and keeps them open.
async fn unread(target: &Target, connections: usize, requests: &[u8]) -> Result<Aftermath> {
    let mut held = Vec::with_capacity(connections);
    let mut written = 0;
    for _ in 0..connections {
        let mut socket = target.connect().await?;
        written += match connections {
            1 => target.write(&mut socket, requests).await,
            // What the kernel does not take at once is of no use: the others have to come, too.
            _ => socket.try_write(requests).unwrap_or(0),
        };
        held.push(socket);
    }
    let note = format!("{} KB of requests taken", written >> 10);
    Ok(Aftermath { held, note, faults: Vec::new() })
}

const HISTORY_BYTES: usize = 96 << 10;
