//! Algorithm confusion and key type mismatch: RFC 8725 §2.1, §3.1.

use crate::{
    common::{NOW_MS, SECRET, SOON},
    keys::{KINDS, private, public, signed_by},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use tidewire_tokens::{Algorithm, Key, KeyError, Rules, SigningKey, TokenError, Verifier};

fn verifier(key: Key) -> Verifier {
    Verifier::new(Rules::default(), vec![key])
}

/// With the public key as the secret, in every form in which it may be had.
#[test]
fn a_public_key_is_never_the_secret_of_an_hmac() {
    for (kind, _, public_pem, _) in KINDS {
        let der = pem::parse(public_pem).unwrap().into_contents();
        let bare = &der[der.len() - 32..];
        for secret in [public_pem.as_bytes(), public_pem.trim().as_bytes(), &der, bare] {
            let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
            let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"exp":{SOON}}}"#));
            let signed = format!("{header}.{claims}");
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
            let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag));
            let verified = verifier(public(kind)).verify(&token, NOW_MS);
            assert_eq!(verified, Err(TokenError::AlgorithmNotAllowed), "{kind}");
        }
        let error = Key::from_secret(public_pem.as_bytes(), &[]).unwrap_err();
        assert_eq!(error, KeyError::PemAsSecret, "{kind}");
    }
}

#[test]
fn a_token_of_another_kind_of_key_is_refused() {
    for (signer, _, _, algorithms) in KINDS {
        let token = signed_by(&private(signer, algorithms[0]));
        for (other, ..) in KINDS.iter().filter(|(other, ..)| *other != signer) {
            let verified = verifier(public(other)).verify(&token, NOW_MS);
            assert_eq!(verified, Err(TokenError::AlgorithmNotAllowed), "{signer} by {other}");
            let named = verifier(public(other).with_id("a"));
            let token = signed_by(&private(signer, algorithms[0]).with_id("a"));
            let verified = named.verify(&token, NOW_MS);
            assert_eq!(verified, Err(TokenError::AlgorithmNotAllowed), "{signer} by {other}");
        }
    }
}

#[test]
fn an_algorithm_of_the_right_kind_has_to_be_allowed_too() {
    let (_, _, public_pem, _) = KINDS[0];
    let usual = verifier(Key::from_pem(public_pem, &[]).unwrap().remove(0));
    assert!(usual.verify(&signed_by(&private("rsa", Algorithm::RS256)), NOW_MS).is_ok());
    for other in [Algorithm::RS512, Algorithm::PS256] {
        let verified = usual.verify(&signed_by(&private("rsa", other)), NOW_MS);
        assert_eq!(verified, Err(TokenError::AlgorithmNotAllowed), "{other}");
    }
    let secret = [SECRET, SECRET].concat();
    let hs512 = signed_by(&SigningKey::from_secret(&secret, Algorithm::HS512).unwrap());
    let verified = verifier(Key::from_secret(&secret, &[]).unwrap()).verify(&hs512, NOW_MS);
    assert_eq!(verified, Err(TokenError::AlgorithmNotAllowed));
}

#[test]
fn a_key_without_an_algorithm_is_refused() {
    let (_, private_pem, public_pem, _) = KINDS[3];
    let wanted = vec![Algorithm::RS256, Algorithm::HS256];
    let error = KeyError::NoAlgorithm { kind: "an Ed25519 key".to_owned(), wanted: wanted.clone() };
    assert_eq!(Key::from_pem(public_pem, &wanted).unwrap_err(), error);
    assert!(SigningKey::from_pem(private_pem, Some(Algorithm::ES256)).is_err());
    assert!(SigningKey::from_secret(SECRET, Algorithm::RS256).is_err());
    assert!(Key::from_secret(SECRET, &[Algorithm::ES256]).is_err());
}
