//! Whom credentials name, by what the operator has configured.

use super::*;
use crate::{access::Who, limits::LimitSettings};
use actix_web::test::TestRequest;
use futures_util::FutureExt as _;
use std::time::Instant;
use tidewire_broker::Permissions;
use tidewire_protocol::ErrorCode;
use tidewire_tokens::{Algorithm, Claims, Key, Rules, SigningKey, TokenContent};

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

fn verifier() -> Verifier {
    Verifier::new(Rules::default(), vec![Key::from_secret(SECRET, &[]).unwrap()])
}

fn token(subject: &str) -> String {
    let claims = Claims {
        subject: Some(subject.to_owned()),
        expires_ms: 60_000,
        subscribe: vec!["a".parse().unwrap()],
        publish: vec!["a".parse().unwrap()],
        admin: true,
        ..Claims::default()
    };
    let content = TokenContent { claims, ..TokenContent::default() };
    SigningKey::from_secret(SECRET, Algorithm::HS256).unwrap().sign(&content).unwrap()
}

fn identify(
    authenticator: &Authenticator,
    target: &str,
    bearer: Option<&str>,
) -> Result<Identity, CredentialError> {
    let mut request = TestRequest::with_uri(target);
    if let Some(token) = bearer {
        request = request.insert_header(("Authorization", format!("Bearer {token}")));
    }
    authenticator.identify(request.to_request().head(), &Caller::Program, None, 1_000)
}

#[test]
fn a_token_names_its_subject_and_grants_until_it_expires() {
    let authenticator = Authenticator::new(Some(verifier()), None);
    let identity = identify(&authenticator, "/", Some(&token("u7"))).unwrap();
    assert_eq!(identity.who(), &Who::Token { subject: Some("u7".into()) });
    assert_eq!((identity.subject(), identity.grant().expires_ms()), (Some("u7"), Some(60_000)));
    assert!(identity.grant().permit(&"a".parse().unwrap()).is_ok());
    assert!(identity.grant().permit(&"b".parse().unwrap()).is_err() && identity.is_admin());
    assert_eq!(authenticator.identify_token(&token("u7"), None, 1_000), Ok(identity));
    let expired = authenticator.identify_token(&token("u7"), None, 60_000).unwrap_err();
    assert_eq!(
        (expired.code(), expired.to_string().contains(&token("u7"))),
        (ErrorCode::Expired, false)
    );
    let odd = authenticator.identify_token(&token("a\nb"), None, 1_000).unwrap_err();
    assert_eq!(
        odd.to_string(),
        "the token's sub cannot be shown as a user: it holds a control character; line ends and the like are not allowed"
    );
}

#[test]
fn without_credentials_the_anonymous_grant_decides() {
    let news = Permissions { subscribe: vec!["news".parse().unwrap()], ..Permissions::default() };
    let (nothing, some, all) = (None, Grant::limited_to(news), Grant::open());
    for (anonymous, expected) in
        [(nothing, None), (Some(some.clone()), Some(some)), (Some(all.clone()), Some(all))]
    {
        let authenticator = Authenticator::new(Some(verifier()), anonymous);
        let identity = identify(&authenticator, "/", None);
        let missing = CredentialError::Missing { ignored: Ignored::Nothing };
        assert_eq!(identity.map(|it| it.grant()), expected.ok_or(missing));
        // A bad token is no way to what strangers may do.
        let bad = identify(&authenticator, "/", Some("a.b.c")).unwrap_err();
        assert_eq!(bad.code(), ErrorCode::Unauthorized);
    }
}

#[test]
fn without_keys_tokens_are_ignored_where_everybody_may_do_everything_and_else_refused() {
    let open = Authenticator::new(None, Some(Grant::open()));
    for identity in
        [identify(&open, "/?token=nonsense", Some("a,b")), open.identify_token("x", None, 0)]
    {
        assert_eq!(identity.unwrap().grant(), Grant::open());
    }
    let limited = Authenticator::new(None, Some(Grant::limited_to(Permissions::default())));
    assert!(identify(&limited, "/", None).is_ok());
    assert_eq!(identify(&limited, "/", Some("a.b.c")), Err(CredentialError::NoKeys));
}

#[test]
fn without_keys_nobody_is_known_by_one_that_was_fetched() {
    let authenticator =
        Authenticator::new(Some(Verifier::fetching(Rules::default(), Vec::new())), None);
    assert!(authenticator.trusts(KeyMark::default()));
    authenticator.replace(Policy {
        verifier: None,
        anonymous: Some(Grant::open()),
        cookie: None,
        in_query: TokensInQuery::default(),
    });
    assert!(!authenticator.trusts(KeyMark::default()));
}

#[test]
fn a_token_in_the_query_reads_unless_it_is_configured_otherwise() {
    let target = format!("/?token={}", token("u7"));
    let channel = "a".parse().unwrap();
    for (in_query, may_publish) in [
        (TokensInQuery::Never, None),
        (TokensInQuery::Reading, Some(false)),
        (TokensInQuery::Always, Some(true)),
    ] {
        let authenticator = Authenticator::new(Some(verifier()), None).taking(None, in_query);
        match (identify(&authenticator, &target, None), may_publish) {
            (Err(error), None) => assert_eq!(error, CredentialError::InQuery),
            (Ok(identity), Some(may_publish)) => {
                assert_eq!(identity.grant().permit(&channel).is_ok(), may_publish);
                assert_eq!(identity.check_publishing().is_ok(), may_publish);
                assert!(!identity.is_admin(), "{in_query:?}");
                assert!(identity.grant().permit_subscribe(&channel.clone().into()).is_ok());
            }
            (found, _) => panic!("{in_query:?}: {found:?}"),
        }
    }
}

#[test]
fn what_is_no_name_of_a_cookie_or_no_way_is_refused() {
    assert!("tidewire_token".parse::<CookieName>().is_ok());
    for bad in ["", "a b", "a=b", "a;b", "a\"b", "\u{e9}"] {
        assert!(
            bad.parse::<CookieName>().unwrap_err().contains("is not the name of a cookie"),
            "{bad}"
        );
    }
    let error = "sometimes".parse::<TokensInQuery>().unwrap_err();
    assert_eq!(error, "\"sometimes\" is not never, reading or always");
}

#[tokio::test]
async fn a_guess_too_many_is_refused_after_a_pause_that_a_shutdown_ends() {
    let off = LimitSettings::only_connections(9);
    let one = LimitSettings { failed_tokens_per_address: "1/h".parse().ok(), ..off };
    let admission = Admission::within(one);
    let authenticator = Authenticator::new(Some(verifier()), None).within(admission.clone());
    let address = Some(ClientAddress::new("192.0.2.1".parse().unwrap()));
    let guess = || authenticator.identify_token("guess", address, 1_000).unwrap_err();
    let first = guess();
    assert!(authenticator.awaited(&first).is_none(), "{first}");
    let one_more = guess();
    assert_eq!((one_more.code(), one_more.awaits_keys()), (ErrorCode::LimitReached, false));
    let began = Instant::now();
    authenticator.awaited(&one_more).unwrap().await;
    assert!(began.elapsed() >= Duration::from_millis(250));
    let mut pause = authenticator.awaited(&one_more).unwrap();
    assert!(pause.as_mut().now_or_never().is_none());
    admission.begin_shutdown();
    assert!(pause.now_or_never().is_some());
}
