//! The size of a body that has parameters as JSON, and what it means together with a query. It is read by
//! [`tidewire_protocol::Parameters`].

/// The most that a body may have, in bytes: like the head of a `GET`, which it stands for.
pub(crate) const BODY_BYTES_MAX: usize = 128 << 10;

#[cfg(test)]
mod tests {
    use crate::{problem::ProblemResponse, query::Query};
    use tidewire_connection::Limits;

    const KNOWN: super::super::Parameters = &[
        "channel",
        "since",
        "lastEventId",
        "Last-Event-ID",
        "format",
        "heartbeat",
        "user",
        "info",
        "ticket",
    ];

    fn query(url: &str, body: &str) -> Result<Query, ProblemResponse> {
        let mut query = Query::parse(url, KNOWN)?;
        query.add_body(body.as_bytes())?;
        Ok(query)
    }

    fn refused(body: &str) -> String {
        query("", body).unwrap_err().to_string()
    }

    fn subscriptions(url: &str, body: &str) -> Vec<String> {
        let all = query(url, body).unwrap().subscriptions(None, true, &Limits::default()).unwrap();
        all.iter().map(|one| format!("{} {:?}", one.pattern, one.start)).collect()
    }

    #[test]
    fn a_body_says_what_a_query_says() {
        let body = r#"{"channels":["a","b.*"],"since":"earliest","info":{"x": 1},"format":null}"#;
        assert_eq!(subscriptions("", body), ["a Since(Earliest)", "b.* Since(Earliest)"]);
        let query = query("", body).unwrap();
        assert_eq!((query.one("info"), query.one("format")), (Some(r#"{"x": 1}"#), None));
        assert_eq!(subscriptions("", "{}"), ["lobby Since(Now)"]);
        let resumed = r#"{"lastEventId":"elsewhere","since":"earliest"}"#;
        assert_eq!(subscriptions("", resumed), ["lobby Foreign(\"elsewhere\")"]);
    }

    #[test]
    fn a_body_goes_before_the_query_and_adds_channels_to_it() {
        let all = subscriptions("channel=a&since=5m", r#"{"channels":["b"],"since":"earliest"}"#);
        assert_eq!(all, ["a Since(Earliest)", "b Since(Earliest)"]);
    }

    #[test]
    fn what_a_body_may_not_say_is_named_with_what_was_meant() {
        let detail = refused(r#"{"chanels":["a"]}"#);
        assert!(
            detail.contains(
                "unknown member chanels in the body, did you mean channels?; this path takes channels, since, lastEventId, \
                 format, heartbeat, user, info"
            ) && !detail.contains("ticket"),
            "{detail}"
        );
        for (body, part) in [
            (r#"{"channel":"a"}"#, "did you mean channels?"),
            (r#"{"ticket":"t"}"#, "unknown member ticket"),
            (r#"{"Last-Event-ID":"t"}"#, "unknown member Last-Event-ID"),
            (r#"{"since":"now","since":"5m"}"#, "the member since is there twice"),
            (r#"{"since":5}"#, "the member since has to be a string"),
            (r#"{"channels":"a"}"#, "the member channels has to be a list"),
            (r#"{"channels":["a",1]}"#, "the member channels has to be a list"),
            ("", "the body has to be one JSON object"),
            ("[]", "the body has to be one JSON object"),
            ("{} {}", "the body has to be one JSON object"),
            ("{\"since\":\"\u{fe}", "the body has to be one JSON object"),
        ] {
            let detail = refused(body);
            assert!(detail.contains(part), "{body}: {detail}");
        }
        assert!(refused(&format!("{{{:?}:1}}", "x".repeat(100_000))).len() < 300);
        let many: Vec<String> = (0..40).map(|n| format!("\"m{n}\":1")).collect();
        assert!(refused(&format!("{{{}}}", many.join(","))).contains("too many members"));
        assert!(
            query("", "\u{0}\u{1}").is_err()
                && Query::parse("", KNOWN).unwrap().add_body(b"\xFF").is_err()
        );
    }

    #[test]
    fn an_escaped_text_is_the_text() {
        assert_eq!(subscriptions("", r#"{"\u0063hannels":["\u0061"]}"#), ["a Since(Now)"]);
    }
}
