//! `allowed_origins`, applied alike to publishes, handshakes of WebSockets, and reading (CORS).

use crate::{
    browsers::{ACTS, PUBLISH, READS, SOCKET, send, varies_by_origin},
    common::{check_problem, within},
};
use anyhow::Result;
use tidewire_test_harness::{peers::http::Answer, server::Server};

const ORIGINS: [&str; 2] = ["--allowed-origins", "https://app.example.com,https://*.example.org"];

const PREFLIGHT: &str = "OPTIONS /publish/a HTTP/1.1\r\nAccess-Control-Request-Method: POST\r\n\
    Access-Control-Request-Headers: content-type, idempotency-key\r\n\r\n";

async fn ask(server: &Server, request: &str, origin: &str) -> Result<Answer> {
    send(server.address(), request, &["Host: localhost", &format!("Origin: {origin}")]).await
}

#[tokio::test]
async fn a_named_origin_sends_and_reads() -> Result<()> {
    within(60, async {
        let server = Server::start(&ORIGINS).await?;
        for origin in ["https://app.example.com", "https://a.b.example.org"] {
            for request in ACTS.into_iter().chain(READS) {
                let answer = ask(&server, request, origin).await?;
                assert!(matches!(answer.status, 101 | 200 | 404), "{} {request}", answer.status);
                assert_eq!(answer.header("access-control-allow-origin"), Some(origin), "{request}");
                // No cookie is configured, so none counts.
                assert_eq!(answer.header("access-control-allow-credentials"), None);
                let exposed = answer.header("access-control-expose-headers");
                assert_eq!(exposed, Some("Retry-After, WWW-Authenticate"));
                assert!(varies_by_origin(&answer), "{request}");
            }
        }
        for origin in ["http://app.example.com", "https://example.org", "http://localhost:5173"] {
            for request in ACTS {
                check_problem(ask(&server, request, origin).await?, 403, "forbidden").await?;
            }
            let answer = ask(&server, READS[0], origin).await?;
            assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_refusal_can_be_read_by_the_page_that_gets_it() -> Result<()> {
    within(30, async {
        let server = Server::start(&ORIGINS).await?;
        let request = "POST /publish/a..b HTTP/1.1\r\nContent-Length: 0\r\n\r\n";
        let answer = ask(&server, request, "https://app.example.com").await?;
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example.com"));
        check_problem(answer, 400, "bad_channel").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_star_allows_every_origin_and_never_credentials() -> Result<()> {
    within(30, async {
        let server = Server::start(&["--allowed-origins", "*"]).await?;
        for origin in ["https://evil.example", "null", "http://localhost:5173"] {
            for request in [PUBLISH, SOCKET, READS[0], PREFLIGHT] {
                let answer = ask(&server, request, origin).await?;
                assert!(matches!(answer.status, 101 | 200 | 204), "{} {origin}", answer.status);
                assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{origin}");
                assert_eq!(answer.header("access-control-allow-credentials"), None, "{origin}");
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_preflight_says_what_may_be_sent_and_is_remembered() -> Result<()> {
    within(30, async {
        let server = Server::start(&ORIGINS).await?;
        for (path, method) in [
            ("/publish/a", "POST"),
            ("/publish", "POST"),
            ("/events", "GET"),
            ("/events", "POST"),
            ("/stream", "QUERY"),
        ] {
            let request = PREFLIGHT.replacen("/publish/a", path, 1);
            let answer = ask(&server, &request, "https://app.example.com").await?;
            assert_eq!(answer.status, 204, "{path}");
            let header = |name| answer.header(name).unwrap_or_default();
            assert_eq!(header("access-control-allow-origin"), "https://app.example.com");
            assert!(header("access-control-allow-methods").contains(method), "{path}");
            assert_eq!(header("access-control-max-age"), "7200");
            assert!(varies_by_origin(&answer), "{path}");
            let allowed = header("access-control-allow-headers").to_ascii_lowercase();
            let allowed: Vec<&str> = allowed.split(", ").collect();
            for name in [
                "authorization",
                "last-event-id",
                "cache-control",
                "idempotency-key",
                "content-type",
                "event",
                "key",
            ] {
                assert!(allowed.contains(&name), "{name} is not among {allowed:?}");
            }
            assert!(!allowed.contains(&"*"), "which means nothing with credentials");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_preflight_of_another_origin_is_refused_with_the_reason() -> Result<()> {
    within(30, async {
        let server = Server::start(&ORIGINS).await?;
        let answer = ask(&server, PREFLIGHT, "https://evil.example").await?;
        for name in ["origin", "methods", "headers", "credentials"] {
            assert_eq!(answer.header(&format!("access-control-allow-{name}")), None, "{name}");
        }
        let detail = check_problem(answer, 403, "forbidden").await?;
        assert!(detail.contains("https://evil.example") && detail.contains("allowed_origins"));
        Ok(())
    })
    .await
}
