//! Tokens on connections that live: judged in their turns, and handed in from requests on other workers.

use super::*;
use crate::{
    access::{self, Authenticator},
    renewals::RenewalError,
    session::Session,
};
use futures_util::FutureExt as _;
use std::sync::Mutex;
use tidewire_broker::Permissions;
use tidewire_tokens::{
    Algorithm, ApiKeys, Claims, FetchState, Fetched, Key, KeySource, Rules, SigningKey,
    TokenContent, Verifier,
};
use tokio::sync::oneshot;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// A server that checks tokens.
fn guarded() -> Server {
    let key = Key::from_secret(SECRET, &[Algorithm::HS256]).unwrap();
    let verifier = Verifier::new(Rules::default(), vec![key]);
    Server::start_with(|worker_context| {
        worker_context.http.authenticator = Authenticator::new(Some(verifier), None);
    })
}

fn token(server: &Server, subject: &str, channel: &str) -> String {
    token_by(SECRET, server, subject, channel)
}

fn token_by(secret: &[u8], server: &Server, subject: &str, channel: &str) -> String {
    let claims = Claims {
        subject: Some(subject.to_owned()),
        expires_ms: server.worker_context.clock.now().wall_ms + 60_000,
        subscribe: vec![channel.parse().unwrap()],
        ..Claims::default()
    };
    let content = TokenContent { claims, ..TokenContent::default() };
    SigningKey::from_secret(secret, Algorithm::HS256).unwrap().sign(&content).unwrap()
}

/// A client of `tidewire.v1` that may do nothing yet.
fn stranger(server: &Server) -> Client {
    let grant = Grant::limited_to(Permissions::default());
    let opening = opening(Wire::Tidewire, "a", RequestedStart::NOW);
    server.open(Opening { grant, subscriptions: Vec::new(), ..opening })
}

fn frame(request: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    ws_frame::encode_text(request, Some([1, 2, 3, 4]), &mut frame);
    frame
}

fn show(id: u64, token: &str) -> Vec<u8> {
    frame(&format!(r#"{{"type":"token","id":{id},"token":"{token}"}}"#))
}

#[test]
fn a_token_is_judged_in_a_turn_and_what_follows_is_done_under_it() {
    let server = guarded();
    let client = stranger(&server);
    let subscribe = frame(r#"{"type":"subscribe","id":2,"channel":"a"}"#);
    client.send([show(1, &token(&server, "u7", "a")), subscribe].concat());
    server.run_until_idle();
    let written = client.written();
    assert!(written.contains(r#""type":"granted","id":1"#), "{written}");
    assert!(written.contains(r#""type":"subscribed","id":2"#), "{written}");
    client.send(show(3, &token(&server, "u8", "a")));
    server.run_until_idle();
    assert!(client.written().contains(r#""id":3,"code":"forbidden""#), "{}", client.written());
    server.publish("a", "still delivered");
    server.run_until_idle();
    assert!(client.written().contains("still delivered"));
}

/// A source that fetches until a test ends it.
#[derive(Clone, Default)]
struct Fetching(Arc<Mutex<Vec<oneshot::Sender<()>>>>);

impl KeySource for Fetching {
    fn ask(&self) -> FetchState {
        FetchState::UnderWay
    }

    fn fetched(&self) -> Option<Fetched> {
        let (end, ended) = oneshot::channel();
        self.0.lock().unwrap().push(end);
        Some(Box::pin(ended.map(drop)))
    }
}

#[test]
fn a_token_waits_for_its_key_and_others_for_nothing() {
    let verifier = Verifier::fetching(Rules::default(), Vec::new());
    let source = Fetching::default();
    verifier.fetch_from(source.clone());
    let shared = verifier.clone();
    let server = Server::start_with(|worker_context| {
        worker_context.http.authenticator = Authenticator::new(Some(shared), None);
    });
    let (first, second) = (stranger(&server), stranger(&server));
    let other = server.follow(RAW, "a", RequestedStart::NOW);
    for client in [&first, &second] {
        let subscribe = frame(r#"{"type":"subscribe","id":2,"channel":"a"}"#);
        client.send([show(1, &token(&server, "u7", "a")), subscribe].concat());
    }
    server.run_until_idle();
    server.publish("a", "news");
    server.run_until_idle();
    assert!(other.written().contains("news"));
    assert!(!first.written().contains(r#""id":1"#), "{}", first.written());
    let ends: Vec<_> = source.0.lock().unwrap().drain(..).collect();
    let [first_end, second_end] = <[_; 2]>::try_from(ends).unwrap();
    // One fetch ends without the key: what has waited once is answered.
    first_end.send(()).unwrap();
    server.run_until_idle();
    let written = first.written();
    assert!(written.contains(r#""id":1,"code":"unavailable""#), "{written}");
    verifier.replace_fetched(vec![Key::from_secret(SECRET, &[]).unwrap()]);
    second_end.send(()).unwrap();
    server.run_until_idle();
    let written = second.written();
    assert!(written.contains(r#""type":"granted","id":1"#), "{written}");
    assert!(written.contains(r#""type":"subscribed","id":2"#), "{written}");
}

#[tokio::test]
async fn who_is_known_by_a_key_that_is_gone_is_disconnected_and_nobody_else() {
    let key = || Key::from_secret(SECRET, &[Algorithm::HS256]).unwrap();
    let verifier = Verifier::new(Rules::default(), vec![key()]);
    let mut api_keys = ApiKeys::default();
    let claims =
        Claims { subscribe: vec!["a".parse().unwrap()], expires_ms: u64::MAX, ..Claims::default() };
    let text = api_keys.create("x", claims, 0, [1; 32]).unwrap();
    verifier.replace_api_keys(api_keys);
    let shared = verifier.clone();
    let server = Server::start_with(|worker_context| {
        worker_context.http.authenticator = Authenticator::new(Some(shared), None);
    });
    let identify = |credential: &str| {
        let now_ms = server.worker_context.clock.now().wall_ms;
        server.worker_context.http.authenticator.identify_token(credential, None, now_ms).unwrap()
    };
    let (by_key, by_token) = (identify(&text), identify(&token(&server, "u7", "a")));
    let open = |identity: &access::Identity| {
        let opening = Opening { grant: identity.grant(), ..opening(SSE, "a", RequestedStart::NOW) };
        server.open_of(opening, |_| Session::of(identity, None)).0
    };
    let (of_key, of_token) = (open(&by_key), open(&by_token));
    let nobody = server.follow(SSE, "a", RequestedStart::NOW);
    server.run_until_idle();
    server.rounds.end_withdrawn().await;
    server.run_until_idle();
    assert_eq!(server.admission.connections(), 3, "nothing has changed yet");

    verifier.replace_api_keys(ApiKeys::default());
    server.rounds.end_withdrawn().await;
    server.publish("a", "news");
    server.run_until_idle();
    assert_eq!(server.admission.connections(), 2);
    let written = of_key.written();
    assert!(written.contains("event: $error") && written.contains("unauthorized"), "{written}");
    assert!(!written.contains("news") && of_token.written().contains("news"));

    verifier.replace_keys(vec![Key::from_secret(&[b'x'; 32], &[]).unwrap()]);
    server.rounds.end_withdrawn().await;
    server.publish("a", "more");
    server.run_until_idle();
    assert!(of_token.written().contains("event: $error"), "{}", of_token.written());
    assert!(nobody.written().contains("more"));

    // One whose request was answered before its key was gone.
    let late = open(&by_token);
    server.run_until_idle();
    assert!(late.written().contains("event: $error"), "{}", late.written());
    assert_eq!(server.admission.connections(), 1);
}

#[test]
fn a_renewal_by_a_key_that_went_while_it_waited_ends_the_connection() {
    let other_secret = [b'x'; 32];
    let keys = [SECRET, &other_secret].map(|secret| Key::from_secret(secret, &[]).unwrap());
    let verifier = Verifier::new(Rules::default(), keys.to_vec());
    let shared = verifier.clone();
    let server = Server::start_with(|worker_context| {
        worker_context.http.authenticator = Authenticator::new(Some(shared), None);
    });
    let identify = |secret: &[u8]| {
        let now_ms = server.worker_context.clock.now().wall_ms;
        let token = token_by(secret, &server, "u7", "a");
        server.worker_context.http.authenticator.identify_token(&token, None, now_ms).unwrap()
    };
    let (before, after) = (identify(SECRET), identify(&other_secret));
    let renewals = server.worker_context.http.renewals.clone();
    let id = RenewalId::random().unwrap();
    let register = |waiter| renewals.register(id, server.worker_context.inbox.number, waiter);
    let opening = Opening { grant: before.grant(), ..opening(SSE, "a", RequestedStart::NOW) };
    let (client, waiter) =
        server.open_of(opening, |waiter| Session::of(&before, Some(register(waiter))));
    verifier.replace_keys(vec![Key::from_secret(SECRET, &[]).unwrap()]);
    server.run_until_idle();
    assert!(!client.written().contains("$error"), "its own key is still there");
    assert_eq!(server.rounds.renew(waiter, id, &after), Ok(()));
    server.run_until_idle();
    assert!(client.written().contains("event: $error"), "{}", client.written());
}

#[test]
fn a_flood_of_tokens_has_a_turn_for_each() {
    let server = guarded();
    let (flood, other) = (stranger(&server), stranger(&server));
    let first = [show(1, &token(&server, "u7", "a")), show(2, "forged").repeat(100)].concat();
    flood.send(first);
    server.run_until_idle();
    other.send(show(1, &token(&server, "u8", "a")));
    flood.send(show(3, "forged").repeat(100));
    let mut rounds = 0;
    while !other.written().contains("granted") {
        server.poll_work();
        server.rounds.run_round();
        rounds += 1;
        assert!(rounds < 10, "it waits for all of them");
    }
    let judged = flood.written().matches(r#""id":3"#).count();
    assert!(judged < 100, "{judged} tokens were judged meanwhile");
    server.run_until_idle();
    assert_eq!(flood.written().matches(r#""id":3,"code":"unauthorized""#).count(), 100);
}

#[test]
fn a_renewal_from_outside_finds_its_connection_by_name_alone() {
    let server = guarded();
    let authenticator = &server.worker_context.http.authenticator;
    let identify = |subject, channel| {
        let now_ms = server.worker_context.clock.now().wall_ms;
        authenticator.identify_token(&token(&server, subject, channel), None, now_ms).unwrap()
    };
    let mine = identify("u7", "a");
    let renewals = server.worker_context.http.renewals.clone();
    let [id, other] = [(); 2].map(|()| RenewalId::random().unwrap());
    let register = |waiter| renewals.register(id, server.worker_context.inbox.number, waiter);
    let opening = Opening { grant: mine.grant(), ..opening(SSE, "a", RequestedStart::NOW) };
    let (client, waiter) =
        server.open_of(opening, |waiter| Session::of(&mine, Some(register(waiter))));
    server.run_until_idle();
    let renew = |id, identity: &access::Identity| server.rounds.renew(waiter, id, identity);
    assert_eq!(renew(other, &mine), Err(RenewalError::NotFound));
    assert_eq!(renew(id, &identify("u8", "a")), Err(RenewalError::OtherSubject));
    assert_eq!(server.rounds.renew(waiter + 1, id, &mine), Err(RenewalError::NotFound));
    assert_eq!(renew(id, &mine), Ok(()));
    assert_eq!(renew(id, &identify("u7", "b")), Ok(()));
    server.run_until_idle();
    assert!(client.written().contains("$unsubscribed"), "{}", client.written());
    assert!(client.written().contains("covers none"), "{}", client.written());
    assert_eq!(renew(id, &mine), Err(RenewalError::NotFound), "it has ended");
    assert_eq!(renewals.len(), 0);
}
