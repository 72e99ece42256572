//! Where credentials are found, and what cannot be one.

use super::*;
use actix_web::test::TestRequest;

/// What is found in a request of a page that may send cookies.
fn found(query: &str, headers: &[(&str, &str)]) -> Result<String, CredentialError> {
    let mut request = TestRequest::with_uri(&format!("/events{query}"));
    for (name, value) in headers {
        request = request.append_header((*name, *value));
    }
    let request = request.to_request();
    let found = find(request.head(), &Caller::OwnPage, Some("tw"))?;
    Ok(match found {
        Ok(Credential { text, carrier }) => format!("{text} {carrier:?}"),
        Err(ignored) => format!("{ignored:?}"),
    })
}

#[test]
fn a_token_is_found_in_each_place() {
    for (query, headers, expected) in [
        ("", &[][..], "Nothing"),
        ("?channel=a", &[("Authorization", "Basic dTpw")], "Scheme"),
        ("", &[("Authorization", "Bearer a.b-c_d~e+f/g==")], "a.b-c_d~e+f/g== Private"),
        ("", &[("authorization", "bEARER   a.b ")], "a.b Private"),
        ("?channel=a&token=a.b", &[], "a.b Query"),
        ("?tok%65n=a%2Eb%3D", &[], "a.b= Query"),
        ("?tokens=a", &[], "Nothing"),
        ("", &[("Cookie", "a=1; tw=a.b; b=2")], "a.b Private"),
        ("", &[("Cookie", "a=1"), ("Cookie", "tw=\"a.b\"")], "a.b Private"),
        ("", &[("Cookie", "tw=; atw=1; tw2=1; TW=1")], "Nothing"),
        ("", &[("Authorization", "Basic dTpw"), ("Cookie", "tw=a.b")], "a.b Private"),
    ] {
        assert_eq!(found(query, headers).as_deref(), Ok(expected), "{query} {headers:?}");
    }
}

#[test]
fn what_cannot_be_a_token_is_refused_without_repeating_it() {
    for (query, headers) in [
        ("", &[("Authorization", "Bearer")][..]),
        ("", &[("Authorization", "Bearer ")]),
        ("", &[("Authorization", "Bearer sec ret")]),
        ("", &[("Authorization", "Bearer sec,ret")]),
        ("", &[("Authorization", "Bearer =")]),
        ("?token=", &[]),
        ("?token", &[]),
        ("?token=sec%20ret", &[]),
        ("?token=sec%FFret", &[]),
        ("", &[("Cookie", "tw=sec ret")]),
    ] {
        let error = found(query, headers).unwrap_err();
        assert!(
            matches!(error, CredentialError::Malformed { .. }),
            "{query} {headers:?}: {error:?}"
        );
        assert!(!error.to_string().contains("sec"), "{error}");
    }
}

#[test]
fn a_cookie_of_another_page_is_as_if_it_were_not_there() {
    let request = TestRequest::with_uri("/events").insert_header(("Cookie", "tw=a.b"));
    let request = request.to_request();
    let found = find(request.head(), &Caller::Program, Some("tw")).unwrap();
    assert!(matches!(found, Err(Ignored::Cookie)));
    let found = find(request.head(), &Caller::OwnPage, None).unwrap();
    assert!(matches!(found, Err(Ignored::Nothing)));
}
