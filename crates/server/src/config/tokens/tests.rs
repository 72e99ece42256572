//! What `[tokens]` makes of keys and rules, and what is wrong with it.

use crate::config::{Config, ConfigErrors, Settings, environment, faults::Faults, layers};
use std::fs;
use tidewire_tokens::{Algorithm, Claims, SigningKey, TokenContent, TokenError};

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
