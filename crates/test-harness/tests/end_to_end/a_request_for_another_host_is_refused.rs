//! DNS rebinding: a page's own name resolves to this machine, so that it is of the server's origin.
//! A server on loopback answers only to names that no other machine can have.

use crate::{
    browsers::{ACTS, PUBLISH, READS, published, send},
    common::{check_problem, within},
};
use anyhow::{Context as _, Result};
use tidewire_test_harness::server::Server;

#[tokio::test]
async fn a_page_whose_name_resolves_to_this_machine_reads_and_changes_nothing() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let nowhere = ["GET /nowhere HTTP/1.1\r\n\r\n", "OPTIONS /publish/a HTTP/1.1\r\n\r\n"];
        for request in ACTS.into_iter().chain(READS).chain(nowhere) {
            let lines = ["Host: evil.example:8080", "Origin: http://evil.example:8080"];
            let answer = send(server.address(), request, &lines).await?;
            assert_eq!(answer.header("access-control-allow-origin"), None, "{request}");
            let detail = check_problem(answer, 421, "misdirected").await.context(request)?;
            assert!(
                detail.contains("evil.example") && detail.contains("allowed_hosts"),
                "{detail}"
            );
        }
        assert_eq!(published(server.address()).await?, 0);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn names_that_only_this_machine_has_are_answered_to() -> Result<()> {
    within(60, async {
        let server = Server::start(&["--allowed-hosts", "push.example,*.example.org"]).await?;
        let status = async |line: &str| {
            send(server.address(), PUBLISH, &[line]).await.map(|answer| answer.status)
        };
        for host in [
            "localhost",
            "LOCALHOST.:1",
            "127.0.0.1:8080",
            "127.9.9.9",
            "[::1]:8080",
            "push.example:443",
            "Push.Example.",
            "a.b.example.org",
        ] {
            assert_eq!(status(&format!("Host: {host}")).await?, 200, "{host}");
        }
        for host in [
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil.example",
            "127.1",
            "0.0.0.0",
            "[::]",
            "10.0.0.5",
            "example.org",
            "push.example.evil",
            "",
        ] {
            assert_eq!(status(&format!("Host: {host}")).await?, 421, "{host}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_absolute_target_counts_as_the_host() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        for (target, host, status) in [
            ("http://evil.example/publish/a", "localhost", 421),
            ("http://localhost/publish/a", "evil.example", 200),
            ("http://user@localhost/publish/a", "localhost", 400),
        ] {
            let request = PUBLISH.replace("/publish/a", target);
            let answer = send(server.address(), &request, &[&format!("Host: {host}")]).await?;
            assert_eq!(answer.status, status, "{target} at {host}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_is_no_host_is_a_bad_request_whatever_it_is_for() -> Result<()> {
    within(30, async {
        let server = Server::start(&["--allowed-hosts", "*"]).await?;
        for host in [
            "a b/c@d",
            "user@localhost",
            "localhost:port",
            "localhost:+80",
            "localhost/",
            "[::1",
            "*",
        ] {
            for path in ["/publish/a", "/health/live"] {
                let request = PUBLISH.replace("/publish/a", path);
                let answer = send(server.address(), &request, &[&format!("Host: {host}")]).await?;
                let detail = check_problem(answer, 400, "bad_request").await.context(host)?;
                assert!(detail.contains(host), "{detail}");
            }
        }
        let twice =
            send(server.address(), PUBLISH, &["Host: localhost", "Host: localhost"]).await?;
        let none = send(server.address(), PUBLISH, &[]).await?;
        assert_eq!((twice.status, none.status), (400, 400));
        // Each host is answered, but who it is for is known of few.
        let metrics = "GET /metrics HTTP/1.1\r\n\r\n";
        let answer = send(server.address(), metrics, &["Host: rebound.example"]).await?;
        let detail = check_problem(answer, 403, "forbidden").await?;
        assert!(detail.contains("its host is neither localhost"), "{detail}");
        let answer = send(server.address(), metrics, &["Host: 127.0.0.1:9090"]).await?;
        assert_eq!(answer.status, 200);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_probe_of_health_may_name_any_host_or_none() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        for path in ["/health/live", "/health/ready"] {
            for (version, lines) in
                [("1.1", vec!["Host: balancer.example"]), ("1.1", vec!["Host:"]), ("1.0", vec![])]
            {
                let request = format!("GET {path} HTTP/{version}\r\n\r\n");
                let answer = send(server.address(), &request, &lines).await?;
                assert_eq!(answer.status, 200, "{request} {lines:?}");
            }
        }
        let answer = send(server.address(), "OPTIONS / HTTP/1.0\r\n\r\n", &[]).await?;
        assert_eq!(answer.status, 204, "HAProxy's default check");
        let answer = send(server.address(), "GET /channels HTTP/1.0\r\n\r\n", &[]).await?;
        let detail = check_problem(answer, 421, "misdirected").await?;
        assert!(detail.contains("names no host"), "{detail}");
        Ok(())
    })
    .await
}
