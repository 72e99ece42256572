//! By which key a token was verified, and whether that key is still in force.

use crate::{
    common::{NOW_MS, SECRET, with_claims},
    keys::{private, public, signed_by},
};
use serde_json::json;
use tidewire_tokens::{Algorithm, ApiKeys, Claims, Key, KeyMark, Rules, Verifier};

fn secret() -> Key {
    Key::from_secret(SECRET, &[]).unwrap()
}

#[test]
fn a_key_that_is_removed_is_trusted_no_more_and_one_that_stays_is() {
    let verifier = Verifier::new(Rules::default(), vec![secret(), public("p256"), public("rsa")]);
    let mark = |token: &str| verifier.identify(token, NOW_MS).unwrap().key;
    let of_secret = mark(&with_claims(&json!({ "exp": crate::common::SOON })));
    let of_p256 = mark(&signed_by(&private("p256", Algorithm::ES256)));
    let of_rsa = mark(&signed_by(&private("rsa", Algorithm::PS256)));
    let generation = verifier.generation();
    assert!([of_secret, of_p256, of_rsa].iter().all(|mark| verifier.trusts(*mark)));
    // The one that stays has an id now.
    verifier.replace_keys(vec![public("p256").with_id("a")]);
    assert_ne!(verifier.generation(), generation);
    assert_eq!(
        [of_secret, of_p256, of_rsa].map(|mark| verifier.trusts(mark)),
        [false, true, false]
    );
}

#[test]
fn an_api_key_is_trusted_until_it_is_revoked() {
    let mut keys = ApiKeys::default();
    let claims = Claims { history: true, expires_ms: u64::MAX, ..Claims::default() };
    let text = keys.create("a", claims.clone(), 0, [1; 32]).unwrap();
    keys.create("b", claims, 0, [2; 32]).unwrap();
    let verifier = Verifier::new(Rules::default(), Vec::new());
    verifier.replace_api_keys(keys.clone());
    let verified = verifier.identify(&text, NOW_MS).unwrap();
    let id = verified.api_key_id.unwrap();
    assert_eq!(keys.iter().next().unwrap().id, id);
    assert!(verifier.trusts(verified.key));
    let generation = verifier.generation();
    keys.revoke(&id).unwrap();
    verifier.replace_api_keys(keys);
    assert!(!verifier.trusts(verified.key) && verifier.generation() != generation);
}

#[test]
fn a_fetched_key_that_its_issuer_takes_back_ends_nothing() {
    let verifier = Verifier::fetching(Rules::default(), vec![secret()]);
    verifier.replace_fetched(vec![public("p256")]);
    let token = signed_by(&private("p256", Algorithm::ES256));
    let mark = verifier.identify(&token, NOW_MS).unwrap().key;
    verifier.replace_fetched(Vec::new());
    assert!(verifier.identify(&token, NOW_MS).is_err());
    assert_eq!((mark, verifier.trusts(mark)), (KeyMark::default(), true));
    // Nor before the first fetch. A verifier that fetches no keys takes the place of one that has: they are gone.
    assert!(Verifier::fetching(Rules::default(), Vec::new()).trusts(mark));
    assert!(!Verifier::new(Rules::default(), vec![secret()]).trusts(mark));
}
