//! Requests for what is not there: an RFC 9457 problem each, never a bare string.

use crate::common::{check_problem, within};
use anyhow::{Context as _, Result};
use tidewire_test_harness::{
    peers::http::{exchange, get, post},
    server::Server,
};

#[tokio::test]
async fn an_unknown_path_is_a_problem_that_names_the_known_ones() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        for path in ["/nothing", "/events/x", "/../etc/passwd", "/assets/nothing.js", "/%FF"] {
            let answer = get(server.address(), path, &[]).await?;
            check_problem(answer, 404, "not_found").await.with_context(|| path.to_owned())?;
        }
        let detail = get(server.address(), "/event", &[]).await?;
        let detail = check_problem(detail, 404, "not_found").await?;
        assert!(detail.contains("/events"), "{detail}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_slash_at_the_end_of_a_path_changes_nothing() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        for path in
            ["/events/", "/stream/?channel=a", "/poll/?wait=0", "/channels/", "/health/live/"]
        {
            let answer = get(server.address(), path, &[]).await?;
            assert_eq!(answer.status, 200, "{path}");
        }
        let answer = post(server.address(), "/publish/a/", &[], b"x").await?;
        assert_eq!(answer.status, 200);
        let upgrade = [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        assert_eq!(get(server.address(), "/ws/", &upgrade).await?.status, 101);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_wrong_method_is_a_problem_that_names_the_right_one() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        for path in ["/ws", "/channels", "/health/live"] {
            let answer = post(server.address(), path, &[], b"").await?;
            assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"), "{path}");
            check_problem(answer, 405, "method_not_allowed").await?;
        }
        for path in ["/events", "/poll", "/stream"] {
            let request = format!("PUT {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            let answer = exchange(server.address(), request.as_bytes()).await?;
            assert_eq!(answer.header("allow"), Some("GET, HEAD, POST, QUERY, OPTIONS"), "{path}");
            check_problem(answer, 405, "method_not_allowed").await?;
        }
        let answer = get(server.address(), "/publish/a", &[]).await?;
        assert_eq!(answer.header("allow"), Some("POST, OPTIONS"));
        check_problem(answer, 405, "method_not_allowed").await?;
        let request = b"BREW /publish/a HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let answer = exchange(server.address(), request).await?;
        check_problem(answer, 405, "method_not_allowed").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_is_not_http_is_refused_and_harms_nobody() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let endless = [&b"GET /"[..], &[b'a'; 200_000]].concat();
        let garbage: [&[u8]; 4] = [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
            &endless,
        ];
        for request in garbage {
            // An answer or an end: what counts is that it is neither success nor silence.
            if let Ok(answer) = exchange(server.address(), request).await {
                assert!((400..500).contains(&answer.status), "{}", answer.status);
            }
        }
        assert_eq!(get(server.address(), "/health/live", &[]).await?.status, 200);
        Ok(())
    })
    .await
}
