//! Floods of credentials that nobody has issued: tokens whose signature is wrong, and guesses at tickets.

use crate::hostile::attacker::{Aftermath, Target, ask, connect};
use anyhow::{Result, bail};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::try_join_all;
use std::time::Instant;

/// Tokens for the public key of the server with the algorithm that takes longest to verify: well formed, not expired, and
/// with a random signature.
pub(in crate::hostile) async fn tokens(target: Target) -> Result<Aftermath> {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES384","typ":"JWT"}"#);
    let claims =
        URL_SAFE_NO_PAD.encode(r#"{"sub":"u7","exp":9999999999,"tidewire":{"subscribe":[">"]}}"#);
    flood(target, |random| {
        let mut signature = [0; 96];
        random.fill(&mut signature);
        let signature = URL_SAFE_NO_PAD.encode(signature);
        let head = "GET /poll?channel=idle&wait=0 HTTP/1.1\r\nHost: localhost\r\n";
        format!("{head}Authorization: Bearer {header}.{claims}.{signature}\r\n\r\n")
    })
    .await
}

/// Random texts in the form of a ticket.
pub(in crate::hostile) async fn guesses(target: Target) -> Result<Aftermath> {
    flood(target, |random| {
        let mut guess = [0; 16];
        random.fill(&mut guess);
        let guess = URL_SAFE_NO_PAD.encode(guess);
        format!("GET /poll?channel=idle&wait=0&ticket={guess} HTTP/1.1\r\nHost: localhost\r\n\r\n")
    })
    .await
}

/// Sends requests on a few connections, one after the other on each, until the time is over.
async fn flood(
    target: Target,
    request: impl Fn(&mut fastrand::Rng) -> String,
) -> Result<Aftermath> {
    let begun = Instant::now();
    let sent = try_join_all((0..CONNECTIONS).map(|number| {
        let mut random = fastrand::Rng::with_seed(target.random.clone().u64(..) ^ number);
        let (target, request) = (&target, &request);
        async move {
            let mut socket = connect(target.address, target.source).await?;
            let (mut looked_at, mut refused) = (0_u64, 0_u64);
            while !target.is_over() {
                match ask(&mut socket, request(&mut random).as_bytes()).await?.0 {
                    401 => looked_at += 1,
                    429 => refused += 1,
                    other => bail!("answered with {other}"),
                }
            }
            Ok((socket, looked_at, refused))
        }
    }));
    let sent = sent.await?;
    let looked_at: u64 = sent.iter().map(|(_, looked_at, _)| looked_at).sum();
    let refused: u64 = sent.iter().map(|(.., refused)| refused).sum();
    // What a minute has at once, and what has become available since.
    let allowed = BURST + begun.elapsed().as_secs() * BURST / 60 + CONNECTIONS + 1;
    let mut faults = Vec::new();
    if looked_at > allowed {
        faults.push(format!("{looked_at} wrong credentials were looked at, and {allowed} may be"));
    }
    let note = format!("{looked_at} looked at, {refused} refused");
    let held = sent.into_iter().map(|(socket, ..)| socket).collect();
    Ok(Aftermath { held, note, faults })
}

const CONNECTIONS: u64 = 8;

/// The default of `failed_tokens_per_address`: 300 a minute.
const BURST: u64 = 300;
