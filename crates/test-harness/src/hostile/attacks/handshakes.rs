//! TLS handshakes that their clients begin and do not end.

use crate::hostile::attacker::{Aftermath, Target, connect};
use anyhow::{Context as _, Result, ensure};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Half of them send a whole `ClientHello`, for which the server signs, the others part of one. Meanwhile somebody
/// connects as one should.
pub(in crate::hostile) async fn handshakes(target: Target) -> Result<Aftermath> {
    let (address, client) = target.tls.as_ref().context("the server speaks no TLS")?;
    let hello = client.hello()?;
    let half = hello.get(..hello.len() / 2).unwrap_or_default();
    let (mut held, mut served, mut faults) = (Vec::new(), 0, Vec::new());
    while held.len() < target.count(6_000) && !target.is_given_up() {
        let mut socket = connect(*address, target.source).await?;
        let bytes = if held.len() % 2 == 0 { &hello } else { half };
        // It may have been ended for those after it.
        let _ = socket.write_all(bytes).await;
        held.push(socket);
        if held.len() % NEWCOMER_EVERY == 0 {
            let tcp = TcpStream::connect(address).await?;
            let newcomer = async {
                let mut stream = client.shake_hands(tcp).await?;
                stream.write_all(b"GET /health/live HTTP/1.0\r\n\r\n").await?;
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).await?;
                ensure!(answer.starts_with(b"HTTP/1.0 200"), "it has no answer");
                Ok(())
            };
            match timeout(NEWCOMER_MAX, newcomer).await {
                Ok(Ok(())) => served += 1,
                Ok(Err(error)) => faults.push(format!("a newcomer over TLS: {error:#}")),
                Err(_) => faults.push("a newcomer over TLS waits".to_owned()),
            }
        }
    }
    let note = format!("{} handshakes, {served} newcomers", held.len());
    Ok(Aftermath { held, note, faults })
}

const NEWCOMER_EVERY: usize = 100;
const NEWCOMER_MAX: Duration = Duration::from_secs(5);
