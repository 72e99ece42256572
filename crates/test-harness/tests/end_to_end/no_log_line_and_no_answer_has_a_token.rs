//! Whatever is logged, and whatever goes wrong: no line of the log and no answer repeats a token.

use crate::{
    browsers::{SOCKET, send},
    common::within,
    guarded::{Guarded, content, forge, sign},
};
use anyhow::{Result, ensure};

#[tokio::test]
async fn no_log_line_and_no_answer_has_a_token() -> Result<()> {
    within(120, async {
        let log = [("RUST_LOG", "trace")];
        let mut guarded = Guarded::start("access_log = true", "cookie = \"tw\"", &log).await?;
        let address = guarded.server.address();
        for token in [sign(&content()?)?, forge(&content()?)?] {
            let socket = SOCKET.replace("channel=a", &format!("channel=room.a&token={token}"));
            send(address, &socket, &["Host: localhost"]).await?;
            for (line, header) in [
                (format!("GET /events?channel=room.a&token={token}"), String::new()),
                (format!("GET /events?chanel=room.a&token={token}"), String::new()),
                (format!("GET /nowhere?token={token}"), String::new()),
                (format!("GET /events?channel=room.a&ticket={token}"), String::new()),
                (format!("GET /poll?wait=0&tokn={token}&{token}"), String::new()),
                (format!("POST /connections/{token}/token"), "Content-Length: 0".to_owned()),
                (
                    "GET /poll?wait=0".to_owned(),
                    format!("Referer: http://localhost/?token={token}"),
                ),
                (format!("PUT /publish/room.a?token={token}"), String::new()),
                (format!("POST /publish/room.a?token={token}"), "Content-Length: 0".to_owned()),
                (format!("GET /poll?wait=0&token={token}%20"), String::new()),
                ("GET /poll?wait=0".to_owned(), format!("Authorization: Bearer {token}")),
                ("GET /poll?wait=0".to_owned(), format!("Authorization: Bearer {token} x")),
                (
                    "GET /poll?wait=0".to_owned(),
                    format!("Cookie: tw={token}\r\nSec-Fetch-Site: none"),
                ),
                ("GET /poll?wait=0".to_owned(), format!("Authorization: Basic {token}")),
                ("BAD".to_owned(), format!("Authorization: Bearer {token}")),
            ] {
                let header = if header.is_empty() { "X-Nothing: 1" } else { &header };
                let request = format!("{line} HTTP/1.1\r\n\r\n");
                let answer = send(address, &request, &["Host: localhost", header]).await?;
                if answer.status != 200 {
                    let text = answer.text().await?;
                    ensure!(!text.contains(&token), "{line}: {text}");
                }
            }
            let secret = token.rsplit('.').next().unwrap_or_default().to_owned();
            guarded.server.output().text().lines().try_for_each(|line| {
                ensure!(!line.contains(&secret), "logged: {line}");
                Ok(())
            })?;
        }
        guarded.server.terminate().await?;
        let signed = sign(&content()?)?;
        let header = signed.split('.').next().unwrap_or_default();
        let log = guarded.server.output().text();
        ensure!(!log.contains(header), "a part of a token is in the log");
        for shown in ["channel=room.a&token=-", "ticket=-", "/connections/{id}/token"] {
            ensure!(log.contains(shown), "the access log has no {shown}");
        }
        Ok(())
    })
    .await
}
