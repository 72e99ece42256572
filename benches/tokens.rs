//! What it costs to verify a token, by algorithm: each request and each connection with a token pays that once.
//!
//! With the name of an algorithm and a count it verifies that many tokens and prints nothing, for callgrind to count.

use criterion::{Criterion, criterion_group};
use std::{env, hint::black_box};
use tidewire_benches::criterion;
use tidewire_tokens::{Algorithm, Claims, Key, Rules, SigningKey, TokenContent, Verifier};

/// A token with two patterns, and what accepts it.
fn signed_by(algorithm: Algorithm) -> (String, Verifier) {
    let claims = Claims {
        subject: Some("u7".to_owned()),
        expires_ms: NOW_MS + 3_600_000,
        subscribe: vec!["chat.*".parse().unwrap(), "$presence.chat.*".parse().unwrap()],
        ..Claims::default()
    };
    let content = TokenContent { claims, ..TokenContent::default() };
    let pair = match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => None,
        Algorithm::ES256 => Some(P256),
        Algorithm::ES384 => Some(P384),
        Algorithm::EdDSA => Some(ED25519),
        _ => Some(RSA),
    };
    let (signing, key) = match pair {
        None => (
            SigningKey::from_secret(&SECRET, algorithm).unwrap(),
            Key::from_secret(&SECRET, &[algorithm]).unwrap(),
        ),
        Some((private, public)) => (
            SigningKey::from_pem(private, Some(algorithm)).unwrap(),
            Key::from_pem(public, &[algorithm]).unwrap().remove(0),
        ),
    };
    let token = signing.sign(&content).unwrap();
    (token, Verifier::new(Rules::default(), vec![key]))
}

fn verify(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("verify a token");
    for algorithm in Algorithm::ALL {
        let (token, verifier) = signed_by(algorithm);
        group.bench_function(algorithm.to_string(), |bencher| {
            bencher.iter(|| verifier.verify(black_box(&token), NOW_MS).unwrap());
        });
    }
}

criterion_group! {
    name = benches;
    config = criterion();
    targets = verify
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let counted = match &*arguments {
        [name, count, ..] => name.parse::<Algorithm>().ok().zip(count.parse::<usize>().ok()),
        _ => None,
    };
    let Some((algorithm, count)) = counted else { return benches() };
    let (token, verifier) = signed_by(algorithm);
    (0..count).for_each(|_| drop(verifier.verify(black_box(&token), NOW_MS).unwrap()));
}

const NOW_MS: u64 = 1_763_790_000_000;
const SECRET: [u8; 64] = [b'x'; 64];

const RSA: (&str, &str) = (
    include_str!("../crates/tokens/tests/keys/rsa-private.pem"),
    include_str!("../crates/tokens/tests/keys/rsa-public.pem"),
);
const P256: (&str, &str) = (
    include_str!("../crates/tokens/tests/keys/p256-private.pem"),
    include_str!("../crates/tokens/tests/keys/p256-public.pem"),
);
const P384: (&str, &str) = (
    include_str!("../crates/tokens/tests/keys/p384-private.pem"),
    include_str!("../crates/tokens/tests/keys/p384-public.pem"),
);
const ED25519: (&str, &str) = (
    include_str!("../crates/tokens/tests/keys/ed25519-private.pem"),
    include_str!("../crates/tokens/tests/keys/ed25519-public.pem"),
);
