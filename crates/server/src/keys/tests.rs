//! API keys in their file, and the verifier that accepts them.

use super::*;
use std::fs;
use tidewire_tokens::{ApiKeys, Claims, Rules, TokenError};

#[test]
fn a_list_that_cannot_be_read_changes_nothing_and_one_that_is_gone_revokes_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api-keys.json");
    let mut keys = ApiKeys::default();
    let claims = Claims { history: true, expires_ms: u64::MAX, ..Claims::default() };
    let text = keys.create("a", claims.clone(), 0, [1; 32]).unwrap();
    let verifier = Verifier::new(Rules::default(), Vec::new());
    fs::write(&path, keys.to_json()).unwrap();
    read_api_keys(&path, &verifier);
    assert_eq!(verifier.verify(&text, 0), Ok(claims));
    fs::write(&path, "{").unwrap();
    read_api_keys(&path, &verifier);
    assert!(verifier.verify(&text, 0).is_ok());
    fs::remove_file(&path).unwrap();
    read_api_keys(&path, &verifier);
    assert_eq!(verifier.verify(&text, 0), Err(TokenError::UnknownApiKey));
}
