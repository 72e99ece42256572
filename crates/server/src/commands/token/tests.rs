//! Tokens that the command signs, and how the server that has the same configuration sees them.

use super::*;
use clap::Parser;
use tidewire_tokens::{Claims, Key, Rules, TokenError, Verifier};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    token: TokenCommand,
}

const NOW_MS: u64 = 1_763_790_000_000;

fn token(arguments: &[&str]) -> Result<String> {
    let arguments = ["token"].iter().chain(arguments);
    Cli::try_parse_from(arguments)?.token.token(NOW_MS)
}

#[test]
fn a_token_is_accepted_by_the_server_with_the_same_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tidewire.toml");
    let secret = "0123456789abcdef".repeat(4);
    let rules =
        "algorithms = \"HS512\"\nissuer = \"a, b\"\naudience = \"tide\"\ntypes = \"at+jwt\"";
    fs::write(&path, format!("[tokens]\nsecret = \"{secret}\"\n{rules}")).unwrap();
    let path = path.to_str().unwrap();
    let arguments = [
        "--config",
        path,
        "--subscribe",
        "logs.>,chat.*",
        "--publish",
        "chat.a",
        "--publish",
        "chat.b",
    ];
    let more = [
        "--presence",
        "chat.*",
        "--history",
        "--sub",
        "u7",
        "--info",
        "{\"a\": 1}",
        "--for",
        "90s",
    ];
    let token = token(&[&arguments[..], &more].concat()).unwrap();
    let config =
        Config::load(Settings { config: Some(path.into()), ..Settings::default() }).unwrap();
    let verifier = config.tokens.unwrap();
    let pattern = |text: &str| text.parse().unwrap();
    let expected = Claims {
        subject: Some("u7".to_owned()),
        // With the leeway of the server.
        expires_ms: NOW_MS + 90_000 + 30_000,
        subscribe: vec![pattern("logs.>"), pattern("chat.*")],
        publish: vec![pattern("chat.a"), pattern("chat.b")],
        presence: vec![pattern("chat.*")],
        history: true,
        admin: false,
        info: Some("{\"a\":1}".to_owned()),
    };
    assert_eq!(verifier.verify(&token, NOW_MS), Ok(expected));
    assert_eq!(verifier.verify(&token, NOW_MS + 120_000), Err(TokenError::Expired));
}

#[test]
fn a_private_key_signs_too() {
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/../tokens/tests/keys");
    let (private, public) = (format!("{keys}/rsa-private.pem"), format!("{keys}/rsa-public.pem"));
    let algorithms = ["PS256".parse().unwrap()];
    let token = token(&["--key", &private, "--algorithm", "PS256", "--kid", "a"]).unwrap();
    let key = Key::from_pem(&fs::read_to_string(public).unwrap(), &algorithms).unwrap().remove(0);
    let verifier = Verifier::new(Rules::default(), vec![key.with_id("a")]);
    assert!(verifier.verify(&token, NOW_MS).is_ok());
}

#[test]
fn what_cannot_be_signed_is_refused_with_what_to_do() {
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/../tokens/tests/keys");
    let (public, private) = (format!("{keys}/p256-public.pem"), format!("{keys}/p256-private.pem"));
    let long = "x".repeat(256);
    for (arguments, part) in [
        (&[][..], "there is no key to sign with: give --config with"),
        (&["--key", "nowhere.pem"], "cannot read nowhere.pem"),
        (&["--key", &public], "this is not a private key in PEM"),
        (&["--key", &private, "--algorithm", "HS256"], "which none of the algorithms HS256 is for"),
        (&["--key", &private, "--for", "999ms"], "--for is 999ms; it has to be at least 1s"),
        (&["--key", &private, "--sub", &long], "--sub has to have 1 to 255 bytes"),
        (&["--config", "nowhere.toml"], "nowhere.toml cannot be read"),
    ] {
        let error = format!("{:#}", token(arguments).unwrap_err());
        assert!(error.contains(part), "{arguments:?}: {error}");
    }
}
