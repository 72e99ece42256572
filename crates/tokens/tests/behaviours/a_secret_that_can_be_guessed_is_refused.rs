//! A secret of fewer bytes than the hash can be found by trying: RFC 7518 §3.2, RFC 8725 §3.5.

use tidewire_tokens::{Algorithm, Key, KeyError, SigningKey};

#[test]
fn a_secret_shorter_than_its_hash_is_refused() {
    for (algorithm, bytes_min) in
        [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)]
    {
        let secret = vec![b'x'; bytes_min];
        assert!(Key::from_secret(&secret, &[algorithm]).is_ok());
        assert!(SigningKey::from_secret(&secret, algorithm).is_ok());
        let bytes = bytes_min - 1;
        let error = KeyError::ShortSecret { bytes, bytes_min, algorithm };
        assert_eq!(Key::from_secret(&secret[1..], &[algorithm]).unwrap_err(), error);
        assert_eq!(SigningKey::from_secret(&secret[1..], algorithm).unwrap_err(), error);
    }
    assert!(Key::from_secret(&[], &[]).is_err());
    let both = Key::from_secret(&[b'x'; 32], &[Algorithm::HS256, Algorithm::HS512]);
    assert!(both.is_err(), "it is too short for one of them");
}

#[test]
fn a_secret_is_not_shown() {
    let secret = b"0123456789abcdef0123456789abcdef";
    let shown = format!("{:?}", Key::from_secret(secret, &[]).unwrap());
    assert!(!shown.contains("0123") && !shown.contains("48, 49"), "{shown}");
    let shown = format!("{:?}", SigningKey::from_secret(secret, Algorithm::HS256).unwrap());
    assert!(!shown.contains("0123") && !shown.contains("48, 49"), "{shown}");
}
