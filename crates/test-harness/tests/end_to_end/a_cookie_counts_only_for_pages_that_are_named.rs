//! A token in a cookie counts for a page of the server's own or of an origin that is named; with any other page it is as
//! if it were not there, also where `*` allows every page.

use crate::{
    browsers::{PUBLISH, send},
    common::{check_problem, within},
    guarded::{Guarded, content, sign},
};
use anyhow::{Result, ensure};

const NAMED: &str = "allowed_origins = [\"https://app.example\"]";
const STAR: &str = "allowed_origins = \"*\"";

#[tokio::test]
async fn a_cookie_counts_only_for_pages_that_are_named() -> Result<()> {
    within(60, async {
        let cookie = format!("Cookie: other=1; tw={}", sign(&content()?)?);
        let publish = PUBLISH.replace("/publish/a", "/publish/room.a");
        let read = "GET /channels/room.a/messages HTTP/1.1\r\n\r\n";
        for (settings, page, may_publish, may_read) in [
            (NAMED, "Origin: https://app.example", 200, 200),
            (NAMED, "Origin: http://localhost", 200, 200),
            (NAMED, "Sec-Fetch-Site: same-origin", 200, 200),
            (NAMED, "Origin: https://evil.example", 401, 401),
            (NAMED, "Sec-Fetch-Site: cross-site", 401, 401),
            (NAMED, "X-Program: yes", 401, 401),
            (STAR, "Origin: https://evil.example", 401, 401),
            (STAR, "Origin: http://localhost", 200, 200),
        ] {
            let guarded = Guarded::start(settings, "cookie = \"tw\"", &[]).await?;
            let address = guarded.server.address();
            let lines = ["Host: localhost", page, &cookie];
            for (request, status) in [(&*publish, may_publish), (read, may_read)] {
                let answer = send(address, request, &lines).await?;
                ensure!(answer.status == status, "{settings} {page} {request}: {}", answer.status);
                let credentials = answer.header("access-control-allow-credentials");
                let is_named = page == "Origin: https://app.example";
                ensure!(credentials == is_named.then_some("true"), "{page}: {credentials:?}");
                if status == 401 {
                    let detail = check_problem(answer, 401, "unauthorized").await?;
                    ensure!(detail.contains("Its cookie does not count"), "{detail}");
                }
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_preflight_says_that_a_named_page_may_send_it() -> Result<()> {
    within(60, async {
        let guarded = Guarded::start(NAMED, "cookie = \"tw\"", &[]).await?;
        let request = "OPTIONS /publish/room.a HTTP/1.1\r\nAccess-Control-Request-Method: POST\r\n\
            Access-Control-Request-Headers: authorization\r\n\r\n";
        let lines = ["Host: localhost", "Origin: https://app.example"];
        let answer = send(guarded.server.address(), request, &lines).await?;
        // Browsers send no credentials with it, so it asks for none.
        ensure!(answer.status == 204, "{}", answer.status);
        ensure!(answer.header("access-control-allow-credentials") == Some("true"));
        let headers = answer.header("access-control-allow-headers").unwrap_or_default();
        ensure!(headers.contains("Authorization"), "{headers}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn without_the_setting_no_cookie_counts_and_no_page_sends_one() -> Result<()> {
    within(60, async {
        let guarded = Guarded::start(NAMED, "", &[]).await?;
        let cookie = format!("Cookie: tw={}", sign(&content()?)?);
        let lines = ["Host: localhost", "Origin: https://app.example", &cookie];
        let request = "GET /channels HTTP/1.1\r\n\r\n";
        let answer = send(guarded.server.address(), request, &lines).await?;
        ensure!(answer.header("access-control-allow-origin") == Some("https://app.example"));
        ensure!(answer.header("access-control-allow-credentials").is_none());
        check_problem(answer, 401, "unauthorized").await?;
        Ok(())
    })
    .await
}
