//! A parameter that a path does not take: never dropped in silence, on no path.

use crate::common::{check_problem, within};
use anyhow::{Context as _, Result, ensure};
use tidewire_test_harness::{
    peers::http::{exchange, get, post},
    server::Server,
};

#[tokio::test]
async fn unknown_parameters_are_refused_with_a_suggestion() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        for (path, meant) in [
            ("/events?chanel=a", "channel"),
            ("/events?channel=a&sinse=earliest", "since"),
            ("/ws?Channel=a", "channel"),
            ("/poll?wiat=1s", "wait"),
            ("/stream?fromat=raw", "format"),
            ("/?chanels=a", "channel"),
            ("/channels?patern=a.*", "pattern"),
            ("/channels/a/messages?limits=1", "limit"),
            ("/channels/a/presence?sinc=1", "since"),
        ] {
            let answer = get(server.address(), path, &[]).await?;
            let detail = check_problem(answer, 400, "bad_request").await.context(path)?;
            ensure!(detail.contains(&format!("did you mean {meant}?")), "{path}: {detail}");
        }
        for path in
            ["/health/live?x=1", "/health/ready?x=1", "/favicon.ico?x=1", "/assets/style.css?x=1"]
        {
            let answer = get(server.address(), path, &[]).await?;
            check_problem(answer, 400, "bad_request").await.context(path)?;
        }
        let answer = post(server.address(), "/data/backup?x=1", &[], b"").await?;
        check_problem(answer, 400, "bad_request").await?;
        for path in ["/publish/a?evnt=said", "/publish?evnt=said"] {
            let answer = post(server.address(), path, &[], b"{}").await?;
            let detail = check_problem(answer, 400, "bad_request").await.context(path)?;
            ensure!(detail.contains("did you mean event?"), "{path}: {detail}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_parameter_against_caches_harms_nowhere() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        for path in ["/poll?wait=0&_=1763790000123", "/health/live?_=1", "/assets/style.css?v=3"] {
            let answer = get(server.address(), path, &[]).await?;
            ensure!(answer.status == 200, "{path}: {}", answer.status);
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_preflight_is_granted_whatever_the_query() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        // The page is to read the refusal, which it cannot if its preflight already fails.
        let request = "OPTIONS /publish/a?evnt=x HTTP/1.1\r\nHost: 127.0.0.1\r\n\
                       Origin: http://localhost:5173\r\nAccess-Control-Request-Method: POST\r\n\r\n";
        let answer = exchange(server.address(), request.as_bytes()).await?;
        ensure!(answer.status == 204, "{}", answer.status);
        let refused = post(
            server.address(),
            "/publish/a?evnt=x",
            &[("Origin", "http://localhost:5173")],
            b"",
        );
        let refused = refused.await?;
        let origin = refused.header("access-control-allow-origin").map(str::to_owned);
        ensure!(origin.as_deref() == Some("http://localhost:5173"), "{origin:?}");
        check_problem(refused, 400, "bad_request").await?;
        Ok(())
    })
    .await
}
