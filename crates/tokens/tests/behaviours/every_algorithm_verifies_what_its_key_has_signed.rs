//! Each algorithm with a key of its kind accepts a token, and no token with a byte changed.

use crate::{
    common::{NOW_MS, SECRET},
    keys::{KINDS, private, public, signed_by},
};
use tidewire_tokens::{Algorithm, Key, Rules, SigningKey, TokenError, Verifier};

#[test]
fn every_algorithm_verifies_what_its_key_has_signed() {
    for (kind, _, _, algorithms) in KINDS {
        for algorithm in algorithms {
            let token = signed_by(&private(kind, *algorithm));
            check(public(kind), &token, *algorithm);
        }
    }
    let secret = [SECRET, SECRET].concat();
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        let token = signed_by(&SigningKey::from_secret(&secret, algorithm).unwrap());
        check(Key::from_secret(&secret, &[algorithm]).unwrap(), &token, algorithm);
    }
}

fn check(key: Key, token: &str, algorithm: Algorithm) {
    let verifier = Verifier::new(Rules::default(), vec![key]);
    assert!(verifier.verify(token, NOW_MS).is_ok(), "{algorithm}");
    let (signed, signature) = token.rsplit_once('.').unwrap();
    for at in [0, signature.len() / 2] {
        let mut changed = signature.to_owned();
        let other = if &changed[at..=at] == "A" { "B" } else { "A" };
        changed.replace_range(at..=at, other);
        let verified = verifier.verify(&format!("{signed}.{changed}"), NOW_MS);
        assert_eq!(verified, Err(TokenError::BadSignature), "{algorithm} at {at}");
    }
    let longer = format!("{token}AAAA");
    assert!(verifier.verify(&longer, NOW_MS).is_err(), "{algorithm}");
}

#[test]
fn a_private_key_signs_with_its_usual_algorithm() {
    for (kind, text, _, algorithms) in KINDS {
        let key = SigningKey::from_pem(text, None).unwrap();
        assert!(format!("{key:?}").contains(&format!("{:?}", algorithms[0])), "{kind}");
        assert!(!format!("{key:?}").contains("MII"), "it is not shown");
    }
    let pkcs1 = include_str!("../keys/rsa-private-pkcs1.pem");
    let token = signed_by(&SigningKey::from_pem(pkcs1, Some(Algorithm::PS384)).unwrap());
    check(public("rsa"), &token, Algorithm::PS384);
}

#[test]
fn the_other_form_of_a_public_key_of_rsa_is_the_same_key() {
    let pkcs1 = include_str!("../keys/rsa-public-pkcs1.pem");
    let token = signed_by(&private("rsa", Algorithm::RS256));
    check(Key::from_pem(pkcs1, &[]).unwrap().remove(0), &token, Algorithm::RS256);
}
