//! A key server on this machine: rotated, broken, endless, gone.

use super::*;
use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use tidewire_tokens::{Algorithm, Claims, Rules, SigningKey, TokenContent, TokenError};

/// Answers every request with the same bytes until it is given others.
struct KeyServer {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    answer: Arc<Mutex<Vec<u8>>>,
}

impl KeyServer {
    fn start(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let answer = Arc::new(Mutex::new(answer));
        let (counted, given) = (Arc::clone(&requests), Arc::clone(&answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, mut head) = (stream.unwrap(), [0; 4_096]);
                let _ = stream.read(&mut head);
                counted.fetch_add(1, Ordering::SeqCst);
                let answer = given.lock().unwrap().clone();
                // A client that has read enough closes.
                let _ = stream.write_all(&answer);
            }
        });
        Self { address, requests, answer }
    }

    fn answer(&self, answer: Vec<u8>) {
        *self.answer.lock().unwrap() = answer;
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    fn fetch(&self, interval_min: Duration) -> Verifier {
        fetch(self.address, interval_min)
    }
}

/// Fetches from that address, with these times between.
fn fetch(address: SocketAddr, interval_min: Duration) -> Verifier {
    let verifier = Verifier::fetching(Rules::default(), Vec::new());
    let source = KeyUrl {
        url: format!("http://{address}/keys").parse().unwrap(),
        host: "127.0.0.1".to_owned(),
        algorithms: Vec::new(),
        interval: HOUR,
        interval_min,
    };
    tokio::spawn(KeyFetcher::with(source, verifier.clone(), WAIT).unwrap().run());
    verifier
}

fn ok(body: &str) -> Vec<u8> {
    let bytes = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\nconnection: close\r\n\r\n{body}").into()
}

/// A set with the key that signs [`token`]s of that id.
fn set(id: &str) -> Vec<u8> {
    let public = [
        "HGVmoVGPqgi59UswFaSjOYq0xCaeEVK0JobFQI99B8I",
        "HwBPOdTNVkE6yNul1VlSjiJuSq0ndHx8d_RI671ysc0",
    ];
    let [x, y] = public;
    ok(&format!(r#"{{"keys":[{{"kty":"EC","crv":"P-256","kid":"{id}","x":"{x}","y":"{y}"}}]}}"#))
}

/// What is said of a token of the key with that id.
fn verify(verifier: &Verifier, id: &str) -> Result<(), TokenError> {
    let pem = include_str!("../../../../tokens/tests/keys/p256-private.pem");
    let key = SigningKey::from_pem(pem, Some(Algorithm::ES256)).unwrap().with_id(id);
    let claims = Claims { expires_ms: 60_000, ..Claims::default() };
    let token = key.sign(&TokenContent { claims, ..TokenContent::default() }).unwrap();
    verifier.verify(&token, 0).map(drop)
}

async fn until(mut condition: impl FnMut() -> bool) {
    for _ in 0..1_200 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing happens for a minute");
}

const HOUR: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(20);

/// How long who asks waits. The answer of a server on this machine comes within it.
const WAIT: Duration = Duration::from_millis(500);

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it() {
    let server = KeyServer::start(set("one"));
    let verifier = server.fetch(SHORT);
    until(|| verify(&verifier, "one").is_ok()).await;
    server.answer(set("two"));
    // The next fetch is due in an hour, were it not for this token.
    until(|| verify(&verifier, "two").is_ok()).await;
    assert_ne!(verify(&verifier, "one"), Ok(()), "it is gone");
}

#[tokio::test]
async fn a_token_is_to_be_tried_again_while_its_key_may_come() {
    let server = KeyServer::start(set("one"));
    let verifier = server.fetch(HOUR);
    assert_eq!(verify(&verifier, "one"), Err(TokenError::KeysAwaited));
    until(|| verify(&verifier, "one").is_ok()).await;
    until(|| verify(&verifier, "two") == Err(TokenError::UnknownKey)).await;
}

#[tokio::test]
async fn who_has_waited_for_a_fetch_finds_its_keys() {
    let server = KeyServer::start(set("one"));
    let verifier = server.fetch(SHORT);
    verifier.keys_awaited().unwrap().await;
    assert_eq!(verify(&verifier, "one"), Ok(()));
    server.answer(set("two"));
    tokio::time::sleep(2 * SHORT).await;
    assert_eq!(verify(&verifier, "two"), Err(TokenError::KeysAwaited));
    verifier.keys_awaited().unwrap().await;
    assert_eq!(verify(&verifier, "two"), Ok(()));
    // What it waits for is over.
    verifier.keys_awaited().unwrap().await;
}

#[tokio::test]
async fn who_waits_for_keys_does_so_for_a_short_time_and_few_do() {
    // It takes connections and answers nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let verifier = fetch(silent.local_addr().unwrap(), HOUR);
    let mut waiting: Vec<_> = (0..1_000).map(|_| verifier.keys_awaited().unwrap()).collect();
    assert!(verifier.keys_awaited().is_none(), "one more");
    waiting.pop().unwrap().await;
    assert_eq!(verify(&verifier, "one"), Err(TokenError::KeysAwaited), "to be tried again");
    assert!(verifier.keys_awaited().is_some(), "there is room");
}

#[tokio::test]
async fn unknown_keys_begin_one_fetch_in_an_interval() {
    let server = KeyServer::start(set("one"));
    let verifier = server.fetch(HOUR);
    until(|| verify(&verifier, "one").is_ok()).await;
    for number in 0..200 {
        let _refused = verify(&verifier, &format!("unknown {number}"));
        tokio::task::yield_now().await;
    }
    until(|| verify(&verifier, "two") == Err(TokenError::UnknownKey)).await;
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_key_server_that_is_down_lets_nobody_in_and_throws_nobody_out() {
    let busy = b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n".to_vec();
    let server = KeyServer::start(busy.clone());
    let verifier = server.fetch(SHORT);
    until(|| server.requests() >= 3).await;
    assert!(matches!(
        verify(&verifier, "one"),
        Err(TokenError::KeysAwaited | TokenError::KeysUnavailable)
    ));
    server.answer(set("one"));
    until(|| verify(&verifier, "one").is_ok()).await;
    let broken = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{".to_vec();
    for broken in [Vec::new(), busy, broken, ok("{}"), ok(r#"{"keys":[]}"#)] {
        server.answer(broken);
        let before = server.requests();
        until(|| {
            let _refused = verify(&verifier, "two");
            server.requests() >= before + 2
        })
        .await;
        assert_eq!(verify(&verifier, "one"), Ok(()), "it stays in force");
    }
}

#[tokio::test]
async fn an_endless_key_set_is_not_read_to_its_end() {
    let mut endless = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
    endless.resize(64 << 20, b' ');
    let server = KeyServer::start(endless);
    let verifier = server.fetch(SHORT);
    // Each answer was given up, or the second would not be asked for.
    until(|| server.requests() >= 3).await;
    assert!(matches!(
        verify(&verifier, "one"),
        Err(TokenError::KeysAwaited | TokenError::KeysUnavailable)
    ));
    server.answer(set("one"));
    until(|| verify(&verifier, "one").is_ok()).await;
}
