//! Every combination of `Origin`, `Sec-Fetch-Site` and host, and the caller that it makes.

use super::*;
use crate::access::identity::Words;
use actix_web::http::header::HeaderName;

fn identify(headers: &[(&str, &'static str)], allowed: &AllowedOrigins) -> Caller {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        map.append(name, HeaderValue::from_static(value));
    }
    Caller::identify(&map, Host::parse("push.example:8080").as_ref(), Scheme::Http, allowed)
}

fn kind(caller: &Caller) -> &'static str {
    match caller {
        Caller::Program => "program",
        Caller::OwnPage => "own",
        Caller::AllowedPage(Readers::Origin(_)) => "allowed",
        Caller::AllowedPage(Readers::All) => "allowed as all",
        Caller::ForeignPage(_) => "foreign",
    }
}

#[test]
fn the_origin_goes_first() {
    let allowed = AllowedOrigins::default();
    for (origin, site, expected) in [
        ("http://push.example:8080", "same-origin", "own"),
        ("https://push.example:8080", "same-site", "own"),
        ("http://push.example:8081", "same-site", "foreign"),
        ("http://localhost:5173", "cross-site", "allowed"),
        ("file://", "cross-site", "allowed"),
        ("https://evil.example", "cross-site", "foreign"),
        // No browser sends this, so it is no proof.
        ("https://evil.example", "same-origin", "foreign"),
        ("", "same-origin", "foreign"),
        ("null", "cross-site", "foreign"),
        ("null", "none", "foreign"),
        ("null", "same-origin", "own"),
    ] {
        let caller = identify(&[("Origin", origin), ("Sec-Fetch-Site", site)], &allowed);
        assert_eq!(kind(&caller), expected, "{origin} {site}");
    }
    assert_eq!(kind(&identify(&[("Origin", "null")], &allowed)), "foreign");
    let twice = [("Origin", "http://push.example:8080"), ("Origin", "https://evil.example")];
    assert_eq!(kind(&identify(&twice, &allowed)), "foreign");
    assert_eq!(kind(&identify(&twice, &"*".parse().unwrap())), "foreign");
}

#[test]
fn without_an_origin_it_is_the_site_that_counts_and_without_both_it_is_a_program() {
    for (site, expected, with_star) in [
        ("same-origin", "own", "own"),
        ("none", "own", "own"),
        ("same-site", "foreign", "allowed as all"),
        ("cross-site", "foreign", "allowed as all"),
        ("something new", "foreign", "allowed as all"),
    ] {
        let headers = [("Sec-Fetch-Site", site)];
        assert_eq!(kind(&identify(&headers, &AllowedOrigins::default())), expected, "{site}");
        assert_eq!(kind(&identify(&headers, &"*".parse().unwrap())), with_star, "{site}");
    }
    let twice = [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "same-origin")];
    assert_eq!(kind(&identify(&twice, &AllowedOrigins::default())), "foreign");
    assert_eq!(kind(&identify(&[], &AllowedOrigins::default())), "program");
}

#[test]
fn only_a_foreign_page_is_kept_from_doing_anything() {
    let anybody = Identity::anonymous(Grant::open(), Words::Shown);
    let allowed = AllowedOrigins::default();
    for origin in ["http://push.example:8080", "http://localhost"] {
        let caller = identify(&[("Origin", origin)], &allowed);
        assert_eq!(caller.publisher_grant(&anybody).unwrap(), Grant::open());
        assert_eq!(caller.reader_grant(&anybody), Grant::open());
    }
    let foreign = identify(&[("Origin", "https://app.example")], &allowed);
    assert_eq!(foreign.reader_grant(&anybody), Grant::reading());
    let refused = foreign.publisher_grant(&anybody).unwrap_err();
    assert_eq!(
        refused.detail,
        "pages of https://app.example may not publish here. It is not this server's own origin, \
         since the request's Host is push.example:8080, and allowed_origins does not name it. If \
         it should be allowed, start the server with --allowed-origins https://app.example. If a \
         proxy serves that page and this server as one site, have it pass on the Host header \
         (nginx: proxy_set_header Host $http_host)."
    );
}

#[test]
fn a_cookie_counts_only_for_own_pages_and_origins_that_are_named() {
    let named: AllowedOrigins = "https://app.example, *".parse().unwrap();
    let star: AllowedOrigins = "*".parse().unwrap();
    for (headers, by_name, by_star) in [
        (&[("Origin", "https://app.example")][..], true, false),
        (&[("Origin", "http://push.example:8080")], true, true),
        (&[("Sec-Fetch-Site", "same-origin")], true, true),
        (&[("Sec-Fetch-Site", "none")], true, true),
        (&[("Origin", "https://evil.example")], false, false),
        (&[("Origin", "null")], false, false),
        (&[("Sec-Fetch-Site", "same-site")], false, false),
        (&[("Sec-Fetch-Site", "cross-site")], false, false),
        (&[], false, false),
    ] {
        assert_eq!(identify(headers, &named).may_send_cookies(), by_name, "{headers:?}");
        assert_eq!(identify(headers, &star).may_send_cookies(), by_star, "{headers:?}");
    }
    let foreign = [("Origin", "https://evil.example")];
    assert!(!identify(&foreign, &AllowedOrigins::default()).may_send_cookies());
}
