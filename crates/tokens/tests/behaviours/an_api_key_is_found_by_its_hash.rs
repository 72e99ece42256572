//! API keys: created, found, listed and revoked; their texts are nowhere in the list.

use tidewire_tokens::{
    API_KEYS_MAX, ApiKeys, ApiKeysError, Claims, KEY_PREFIX, Rules, TokenError, Verifier,
};

fn claims(channel: &str) -> Claims {
    Claims { publish: vec![channel.parse().unwrap()], expires_ms: u64::MAX, ..Claims::default() }
}

#[test]
fn a_key_is_found_until_it_is_revoked() {
    let mut keys = ApiKeys::default();
    let billing = keys.create("billing", claims("invoices.>"), 1_000, [1; 32]).unwrap();
    let logs = keys.create("logs", claims("logs.>"), 2_000, [2; 32]).unwrap();
    assert!(billing.starts_with(KEY_PREFIX) && billing.len() == 46, "{billing}");
    let text = keys.to_json();
    assert!(!text.contains(&billing[3..]) && !text.contains(&logs[3..]));
    let mut read = ApiKeys::parse(text.as_bytes()).unwrap();
    assert_eq!(read, keys);
    let found = read.find(&billing, 5_000).unwrap();
    assert_eq!((found.name.as_str(), &found.claims), ("billing", &claims("invoices.>")));
    let id = found.id.clone();
    for other in
        ["", "tk_", &billing[3..], &billing[..45], &format!("{billing}A"), &"tk_".repeat(1_000)]
    {
        assert_eq!(read.find(other, 5_000), None, "{other}");
    }
    assert_eq!(read.revoke(&id).unwrap().name, "billing");
    assert_eq!(read.find(&billing, 5_000), None);
    assert_eq!(read.find(&logs, 5_000).unwrap().name, "logs");
    assert!(read.revoke(&id).is_none());
}

#[test]
fn a_key_that_has_expired_is_not_found() {
    let mut keys = ApiKeys::default();
    let claims = Claims { expires_ms: 60_000, ..claims("a") };
    let text = keys.create("a", claims, 0, [1; 32]).unwrap();
    let keys = ApiKeys::parse(keys.to_json().as_bytes()).unwrap();
    assert!(keys.find(&text, 59_999).is_some());
    assert!(keys.find(&text, 60_000).is_none());
}

#[test]
fn a_list_that_is_not_as_it_was_written_is_refused() {
    let hash = "0".repeat(64);
    let key =
        |rest: &str| format!(r#"{{"keys":[{{"name":"a","sha256":"{hash}","created":1,{rest}}}]}}"#);
    assert!(ApiKeys::parse(key(r#""tidewire":{}"#).as_bytes()).is_ok());
    for (text, part) in [
        (String::new(), "has to be a JSON object"),
        ("{}".to_owned(), "has to be a JSON object"),
        (r#"{"keys":[],"keys":[]}"#.to_owned(), "a member twice"),
        (key(r#""tidewire":[]"#), "key 1 of the list of API keys: tidewire has to be an object"),
        (key(r#""tidewire":{"publsh":[]}"#), "did you mean publish?"),
        (key(r#""tidewire":{},"expires":"x""#), "expires has to be a time"),
        (key(r#""tidewire":{},"expires":18446744073709552"#), "expires has to be a time"),
        (key(r#""tidewire":{}"#).replace(":1,", ":18446744073709552,"), "created has to be a time"),
        (key(r#""tidewire":{},"colour":1"#), "it has no member \"colour\""),
        (key(r#""tidewire":{}"#).replace(&hash, "+0"), "64 hexadecimal digits"),
        (key(r#""tidewire":{}"#).replace(&hash, &"+0".repeat(32)), "64 hexadecimal digits"),
        (key(r#""tidewire":{}"#).replace("\"a\"", "\"\\u001b\""), "no control characters"),
    ] {
        let error = ApiKeys::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn the_number_of_keys_is_bounded() {
    let mut keys = ApiKeys::default();
    for number in 0..API_KEYS_MAX {
        let mut random = [0; 32];
        random[..8].copy_from_slice(&number.to_be_bytes());
        keys.create("a", claims("a"), 0, random).unwrap();
    }
    let error = ApiKeysError::TooMany { count: API_KEYS_MAX + 1 };
    assert_eq!(keys.create("a", claims("a"), 0, [255; 32]), Err(error));
    assert_eq!(keys.create("", claims("a"), 0, [255; 32]), Err(ApiKeysError::BadName));
}

#[test]
fn an_api_key_counts_as_a_token() {
    let verifier = Verifier::new(Rules::default(), Vec::new());
    let mut keys = ApiKeys::default();
    let text = keys.create("billing", claims("invoices.>"), 0, [1; 32]).unwrap();
    assert_eq!(verifier.verify(&text, 5), Err(TokenError::UnknownApiKey));
    verifier.replace_api_keys(keys);
    assert_eq!(verifier.clone().verify(&text, 5), Ok(claims("invoices.>")));
    verifier.replace_api_keys(ApiKeys::default());
    assert_eq!(verifier.verify(&text, 5), Err(TokenError::UnknownApiKey));
}
