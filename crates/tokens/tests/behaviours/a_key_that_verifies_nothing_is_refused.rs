//! What is not a public key in PEM, or not one that can be used, is refused with what to do.

use tidewire_tokens::{Key, KeyError, SigningKey};

#[test]
fn a_text_that_is_not_a_public_key_is_refused() {
    for (text, error) in [
        (include_str!("../keys/rsa-private.pem"), KeyError::PrivateKey),
        (include_str!("../keys/rsa-private-pkcs1.pem"), KeyError::PrivateKey),
        (include_str!("../keys/p256-private-sec1.pem"), KeyError::PrivateKey),
        (include_str!("../keys/certificate.pem"), KeyError::Certificate),
        (include_str!("../keys/rsa-1024-public.pem"), KeyError::RsaSize { bits: 1024 }),
        (include_str!("../keys/secp256k1-public.pem"), KeyError::OtherKind),
        ("", KeyError::NotPem),
        ("ssh-ed25519 AAAA", KeyError::NotPem),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", KeyError::Damaged),
        ("-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n", KeyError::Damaged),
        ("-----BEGIN FLOWER-----\nMAA=\n-----END FLOWER-----\n", KeyError::NotPem),
    ] {
        assert_eq!(Key::from_pem(text, &[]).map(drop), Err(error), "{text}");
    }
}

#[test]
fn several_keys_in_one_text_are_all_read() {
    let both =
        concat!(include_str!("../keys/rsa-public.pem"), include_str!("../keys/ed25519-public.pem"));
    assert_eq!(Key::from_pem(both, &[]).unwrap().len(), 2);
    let one_is_bad = format!("{both}{}", include_str!("../keys/certificate.pem"));
    assert_eq!(Key::from_pem(&one_is_bad, &[]).map(drop), Err(KeyError::Certificate));
}

#[test]
fn a_text_that_is_not_a_private_key_does_not_sign() {
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n";
    for (text, error) in [
        (include_str!("../keys/rsa-public.pem"), KeyError::NotPrivateKey),
        (include_str!("../keys/p256-private-sec1.pem"), KeyError::OlderEcForm),
        (encrypted, KeyError::Encrypted),
        ("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", KeyError::OtherKind),
    ] {
        assert_eq!(SigningKey::from_pem(text, None).map(drop), Err(error), "{text}");
    }
}
