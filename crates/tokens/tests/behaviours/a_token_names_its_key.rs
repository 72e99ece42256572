//! `kid`: an unknown one is refused, and a token without one is tried with few keys. Keys in the header are ignored.

use crate::{
    common::{NOW_MS, SECRET, signed, with_header},
    keys::{private, public, signed_by},
};
use std::{
    future::ready,
    sync::{Arc, Mutex},
};
use tidewire_tokens::{
    Algorithm, FetchState, Fetched, Key, KeySource, Rules, SigningKey, TokenError, Verifier,
};

fn secret(number: u8) -> Vec<u8> {
    vec![number; 32]
}

fn key(number: u8) -> Key {
    Key::from_secret(&secret(number), &[]).unwrap().with_id(&number.to_string())
}

fn token(number: u8, id: Option<&str>) -> String {
    let key = SigningKey::from_secret(&secret(number), Algorithm::HS256).unwrap();
    match id {
        Some(id) => signed_by(&key.with_id(id)),
        None => signed_by(&key),
    }
}

#[test]
fn an_unknown_kid_is_refused() {
    let verifier = Verifier::new(Rules::default(), vec![key(1), key(2)]);
    let verify = |token: String| verifier.verify(&token, NOW_MS).map(drop);
    assert_eq!(verify(token(1, Some("1"))), Ok(()));
    assert_eq!(verify(token(2, None)), Ok(()));
    assert_eq!(verify(token(1, Some("3"))), Err(TokenError::UnknownKey));
    assert_eq!(verify(token(1, Some("2"))), Err(TokenError::BadSignature));
    assert_eq!(verify(token(3, None)), Err(TokenError::BadSignature));
}

#[test]
fn a_key_without_an_id_is_tried_for_an_id_that_no_key_has() {
    let rsa = public("rsa").with_id("rsa");
    let verifier =
        Verifier::new(Rules::default(), vec![rsa, Key::from_secret(&secret(1), &[]).unwrap()]);
    assert!(verifier.verify(&token(1, Some("1")), NOW_MS).is_ok());
    assert_eq!(
        verifier.verify(&token(1, Some("rsa")), NOW_MS),
        Err(TokenError::AlgorithmNotAllowed)
    );
    let unknown = signed_by(&private("rsa", Algorithm::RS256).with_id("new"));
    assert_eq!(verifier.verify(&unknown, NOW_MS), Err(TokenError::UnknownKey));
}

#[test]
fn a_token_without_kid_is_tried_with_four_keys_at_most() {
    let verifier = |count: u8| Verifier::new(Rules::default(), (0..count).map(key).collect());
    assert!(verifier(4).verify(&token(3, None), NOW_MS).is_ok());
    assert_eq!(verifier(5).verify(&token(3, None), NOW_MS), Err(TokenError::NoKeyId));
    assert!(verifier(5).verify(&token(3, Some("3")), NOW_MS).is_ok());
}

#[test]
fn a_kid_that_is_long_or_no_text_is_refused() {
    let verifier = Verifier::new(Rules::default(), vec![Key::from_secret(SECRET, &[]).unwrap()]);
    let long = format!("\"{}\"", "x".repeat(256));
    for id in ["5", "null", "[\"a\"]", &long] {
        let token = with_header(&format!(r#"{{"alg":"HS256","kid":{id}}}"#));
        assert_eq!(verifier.verify(&token, NOW_MS), Err(TokenError::BadKeyId), "{id}");
    }
    for id in ["../../etc/passwd", "' OR 1=1 --", ""] {
        let verifier = Verifier::new(Rules::default(), vec![key(1)]);
        assert_eq!(verifier.verify(&token(1, Some(id)), NOW_MS), Err(TokenError::UnknownKey));
    }
}

/// A key that comes with the token proves nothing: RFC 8725 §3.10.
#[test]
fn keys_in_the_header_are_ignored() {
    let verifier = Verifier::new(Rules::default(), vec![key(1)]);
    for member in [
        r#""jwk":{"kty":"oct","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}"#,
        r#""jku":"http://127.0.0.1:1/keys""#,
        r#""x5u":"http://127.0.0.1:1/certificate""#,
        r#""x5c":["MII"]"#,
    ] {
        let token = signed(&format!(r#"{{"alg":"HS256",{member}}}"#), r#"{"exp":99999999999}"#);
        assert_eq!(verifier.verify(&token, NOW_MS), Err(TokenError::BadSignature), "{member}");
    }
}

#[test]
fn fetched_keys_are_replaced_and_given_ones_stay() {
    let verifier = Verifier::fetching(Rules::default(), vec![key(1)]);
    let clone = verifier.clone();
    let verify =
        |number: u8| clone.verify(&token(number, Some(&number.to_string())), NOW_MS).map(drop);
    assert_eq!(verify(1), Ok(()));
    assert_eq!(verify(2), Err(TokenError::KeysUnavailable));
    verifier.replace_fetched(vec![key(2)]);
    assert_eq!((verify(1), verify(2)), (Ok(()), Ok(())));
    verifier.replace_fetched(vec![key(3)]);
    assert_eq!((verify(2), verify(3)), (Err(TokenError::UnknownKey), Ok(())));
    verifier.replace_keys(vec![key(4)]);
    assert_eq!((verify(1), verify(3)), (Err(TokenError::UnknownKey), Ok(())));
}

/// A source that answers with these states, the last one first.
#[derive(Clone, Default)]
struct Scripted(Arc<Mutex<Vec<FetchState>>>);

impl KeySource for Scripted {
    fn ask(&self) -> FetchState {
        self.0.lock().unwrap().pop().unwrap()
    }

    fn fetched(&self) -> Option<Fetched> {
        Some(Box::pin(ready(())))
    }
}

#[test]
fn a_key_that_is_not_known_is_asked_for() {
    let source = Scripted::default();
    let verifier = Verifier::fetching(Rules::default(), vec![key(1)]);
    verifier.replace_fetched(Vec::new());
    verifier.fetch_from(source.clone());
    let verify = |token: String| verifier.verify(&token, NOW_MS).map(drop);
    assert_eq!(verify(token(1, Some("1"))), Ok(()));
    assert_eq!(verify(token(2, Some("1"))), Err(TokenError::BadSignature));
    let other = signed_by(&private("rsa", Algorithm::RS256).with_id("1"));
    assert_eq!(verify(other), Err(TokenError::AlgorithmNotAllowed));
    let states = [FetchState::Done, FetchState::Failed, FetchState::UnderWay];
    source.0.lock().unwrap().extend(states);
    for expected in [TokenError::KeysAwaited, TokenError::KeysUnavailable, TokenError::UnknownKey] {
        assert_eq!(verify(token(2, Some("2"))), Err(expected));
    }
    assert!(verifier.keys_awaited().is_some());
    assert!(Verifier::new(Rules::default(), Vec::new()).keys_awaited().is_none());
}
