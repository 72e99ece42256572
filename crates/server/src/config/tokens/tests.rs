//! What `[tokens]` makes of keys and rules, and what is wrong with it.

use crate::config::{Config, ConfigErrors, Settings, environment, faults::Faults, layers};
use std::fs;
use tidewire_tokens::{Algorithm, ApiKeys, Claims, SigningKey, TokenContent, TokenError};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn config(text: &str, variables: &[(&str, &str)], flags: Settings) -> Result<Config, ConfigErrors> {
    let mut faults = Faults::default();
    let file = layers::from_text(text, "f", &mut faults);
    let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
    let environment = environment::read(variables, &mut faults);
    Config::resolve(file, environment, flags, faults)
}

fn from_text(text: &str) -> Result<Config, ConfigErrors> {
    config(text, &[], Settings::default())
}

fn errors(text: &str) -> String {
    from_text(text).map(drop).unwrap_err().to_string()
}

fn token(expires_ms: u64) -> String {
    let key = SigningKey::from_secret(SECRET.as_bytes(), Algorithm::HS256).unwrap();
    let claims = Claims { expires_ms, ..Claims::default() };
    key.sign(&TokenContent { claims, ..TokenContent::default() }).unwrap()
}

#[test]
fn without_keys_no_token_is_verified() {
    assert!(from_text("").unwrap().tokens.is_none());
}

#[test]
fn a_secret_is_read_from_the_table_a_variable_or_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, format!("{SECRET}\r\n")).unwrap();
    let table = format!("[tokens]\nsecret = \"{SECRET}\"");
    let file = format!("[tokens]\nsecret_file = {path:?}");
    let variables: [(&str, &str); 1] = [("TIDEWIRE_TOKENS_SECRET", SECRET)];
    for (text, variables) in [(&*table, &[][..]), (&file, &[]), ("", &variables)] {
        let config = config(text, variables, Settings::default()).unwrap();
        let verifier = config.tokens.unwrap();
        assert_eq!(verifier.verify(&token(60_000), 1_000).unwrap().expires_ms, 90_000);
        assert_eq!(verifier.verify(&token(60_000), 90_000), Err(TokenError::Expired));
    }
}

#[test]
fn a_flag_does_not_show_the_secret_to_everybody_who_lists_processes() {
    let flags = Settings { tokens_secret: Some(SECRET.parse().unwrap()), ..Settings::default() };
    let error = config("", &[], flags).map(drop).unwrap_err().to_string();
    assert!(error.starts_with("tokens_secret is given as a flag; it has to be"), "{error}");
}

#[test]
fn no_text_shows_the_secret() {
    let flags = Settings { tokens_secret: Some(SECRET.parse().unwrap()), ..Settings::default() };
    assert!(!format!("{flags:?}").contains(SECRET));
    let config = from_text(&format!("[tokens]\nsecret = \"{SECRET}\"")).unwrap();
    assert!(!format!("{config:?}").contains(SECRET));
    for text in
        ["[tokens]\nsecret = \"s3cret\"", "[tokens]\nsecret = \"s3cret\"\nsecret_file = \"x\""]
    {
        assert!(!errors(text).contains("s3cret"), "{}", errors(text));
    }
}

#[test]
fn what_is_wrong_with_the_table_is_named_with_what_is_allowed() {
    let secret = format!("[tokens]\nsecret = \"{SECRET}\"\n");
    for (text, part) in [
        (
            "[tokens]\nsecret = \"short\"",
            "tokens_secret: a secret for HS256 has to have at least 32 bytes",
        ),
        ("[tokens]\nsecret_file = \"nowhere\"", "tokens_secret_file: nowhere cannot be read"),
        ("[tokens]\nkey_files = \"nowhere.pem\"", "tokens_key_files: nowhere.pem cannot be read"),
        (
            "[tokens]\njwks_url = \"http://id.example/keys\"",
            "tokens_jwks_url is not such a URL; it has to be https",
        ),
        ("[tokens]\njwks_url = \"keys\"", "tokens_jwks_url is not such a URL; it has to be https"),
        (
            "[tokens]\njwks_url = \"https://a\"\njwks_interval = \"5s\"",
            "tokens_jwks_interval is 5s; it has to be at least",
        ),
        (
            "[tokens]\njwks_url = \"https://a\"\njwks_interval_min = \"0s\"",
            "tokens_jwks_interval_min is 0ms; it has to be",
        ),
        ("[tokens]\nsecrets = \"x\"", "f: [tokens] has no option secrets; did you mean secret?"),
        ("[tokens]\nx = 1", "f: [tokens] has no option x; there are secret, secret_file, "),
        (
            "tokens_secret = \"x\"",
            "f: there is no setting tokens_secret; did you mean [tokens] secret?",
        ),
        ("tokens = 5", "f: tokens: it has to be a table such as [tokens]"),
        (
            "[tokens]\nissuer = \"a\"",
            "tokens_issuer is given; it has to be left out, or given with keys",
        ),
        (&format!("{secret}leeway = \"1h\""), "tokens_leeway is 1h; it has to be at most 5m"),
        (
            &format!("{secret}algorithms = \"none\""),
            "f: [tokens] algorithms: \"none\" is not an algorithm",
        ),
        (
            &format!("{secret}algorithms = [\"RS256\"]"),
            "tokens_secret: this is a secret, which none of the algorithms RS256 is for",
        ),
        (
            &format!("{secret}secret_file = \"x\""),
            "tokens_secret is given; it has to be left out if",
        ),
    ] {
        let errors = errors(text);
        assert!(errors.contains(part), "{part} is not in {errors}");
    }
}

#[test]
fn keys_are_read_from_pem_and_key_sets_and_again_when_they_change() {
    let folder = tempfile::tempdir().unwrap();
    let (pem, set) = (folder.path().join("a.pem"), folder.path().join("b.json"));
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/../tokens/tests/keys");
    let public = |kind: &str| fs::read_to_string(format!("{keys}/{kind}-public.pem")).unwrap();
    let token = |kind: &str| {
        let key = fs::read_to_string(format!("{keys}/{kind}-private.pem")).unwrap();
        let claims = Claims { expires_ms: 60_000, ..Claims::default() };
        let content = TokenContent { claims, ..TokenContent::default() };
        SigningKey::from_pem(&key, None).unwrap().sign(&content).unwrap()
    };
    fs::write(&pem, public("p256")).unwrap();
    let secret = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";
    fs::write(&set, format!("{{\"keys\":[{{\"kty\":\"oct\",\"k\":\"{secret}\"}}]}}")).unwrap();
    let config = from_text(&format!("[tokens]\nkey_files = [{pem:?}, {set:?}]")).unwrap();
    let verifier = config.tokens.unwrap();
    assert!(verifier.verify(&token("p256"), 0).is_ok());
    assert!(verifier.verify(&self::token(60_000), 0).is_ok());
    assert!(verifier.verify(&token("rsa"), 0).is_err());
    fs::write(&pem, "no key").unwrap();
    config.token_keys.read_again(&verifier);
    assert!(verifier.verify(&token("p256"), 0).is_ok(), "the key before stays in force");
    fs::write(&pem, public("rsa")).unwrap();
    config.token_keys.read_again(&verifier);
    assert!(
        verifier.verify(&token("rsa"), 0).is_ok() && verifier.verify(&token("p256"), 0).is_err()
    );
}

#[test]
fn a_key_server_is_asked_beside_other_keys() {
    let config = from_text("[tokens]\njwks_url = \"http://127.0.0.1:9/keys?a=b\"").unwrap();
    assert_eq!(config.tokens.unwrap().verify(&token(60_000), 0), Err(TokenError::KeysUnavailable));
    assert_eq!(config.token_keys.url().unwrap().host, "127.0.0.1");
    assert!(from_text("").unwrap().token_keys.url().is_none());
}

#[test]
fn the_list_of_api_keys_is_in_the_data_folder_or_where_it_is_said_to_be() {
    let path = |text: &str| from_text(text).unwrap().api_keys_file;
    assert_eq!(path(""), None);
    assert_eq!(path("data = \"log\""), Some("log/api-keys.json".into()));
    assert_eq!(path("data = \"log\"\napi_keys_file = \"k\""), Some("k".into()));
}

#[test]
fn api_keys_are_keys_if_there_are_any_or_their_place_is_configured() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api-keys.json");
    let data = format!("data = {:?}", folder.path());
    let file = format!("api_keys_file = {path:?}");
    assert!(from_text(&data).unwrap().tokens.is_none(), "a log on disk closes nothing");
    assert!(from_text(&file).unwrap().tokens.is_some());
    let mut keys = ApiKeys::default();
    let claims = Claims { expires_ms: u64::MAX, history: true, ..Claims::default() };
    let text = keys.create("a", claims.clone(), 0, [1; 32]).unwrap();
    fs::write(&path, keys.to_json()).unwrap();
    for text_of_file in [&data, &file] {
        let verifier = from_text(text_of_file).unwrap().tokens.unwrap();
        assert_eq!(verifier.verify(&text, 0), Ok(claims.clone()));
    }
    fs::write(&path, "{}").unwrap();
    let error = errors(&file);
    assert!(
        error.starts_with("api_keys_file: ") && error.contains("has to be a JSON object"),
        "{error}"
    );
}
