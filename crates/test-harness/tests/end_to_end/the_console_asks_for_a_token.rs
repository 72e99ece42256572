//! The console page of a server with keys: asks for a token, shows whose it is, and says what to do about a refusal.

use crate::{
    browser::Page,
    common::within,
    guarded::{Guarded, content, sign},
};
use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tidewire_tokens::Claims;

const BOTH_ARE_LIVE: &str = "['#sse', '#ws'].every((pane) =>
    document.querySelector(`${pane} [data-part=state]`).textContent.includes('live'))";

/// What the form says, and what to do.
const SAID: &str = "document.querySelector('#token').hidden ? 'nothing' :
    document.querySelector('#token').innerText";

async fn use_token(page: &mut Page, token: &str) -> Result<()> {
    page.call("fill", json!(["#token [name=token]", token])).await?;
    page.call("click", json!(["#token button.primary"])).await?;
    Ok(())
}

async fn says(page: &mut Page, words: &str) -> Result<()> {
    page.until_or_report(&format!("({SAID}).includes({words:?})"), SAID).await
}

#[tokio::test]
async fn the_console_asks_for_a_token_and_shows_whose_it_is() -> Result<()> {
    within(90, async {
        let guarded = Guarded::start("", "", &[]).await?;
        let mut page = Page::start(&[]).await?;
        page.call("goto", json!([format!("http://{}/", guarded.server.address())])).await?;
        says(&mut page, "This server asks for a token").await?;
        says(&mut page, "Paste a valid token.").await?;

        use_token(&mut page, "nonsense").await?;
        says(&mut page, "The server does not accept this token: ").await?;

        // It is good for other channels than the one on show.
        use_token(&mut page, &sign(&content()?)?).await?;
        says(&mut page, "The token does not allow this: ").await?;
        says(&mut page, "Token of u7, valid until ").await?;
        page.call("fill", json!(["#watch [name=channel]", "room.a"])).await?;
        page.call("click", json!(["#watch button"])).await?;
        page.until(BOTH_ARE_LIVE).await.context("both live")?;

        page.call("fill", json!(["#publish [name=text]", "with a token"])).await?;
        page.call("click", json!(["#publish button.primary"])).await?;
        for pane in ["#sse", "#ws"] {
            let list = format!("document.querySelector('{pane} [data-part=list]')");
            page.until(&format!("{list}.textContent.includes('with a token')")).await?;
        }
        let toggle = page.call("textContent", json!(["#token-toggle"])).await?;
        ensure!(toggle == "Token of u7", "{toggle}");

        // The tab has kept it; and with another one, nothing is missed.
        page.call("reload", json!([])).await?;
        says(&mut page, "Token of u7").await?;
        page.call("fill", json!(["#watch [name=channel]", "room.a"])).await?;
        page.call("click", json!(["#watch button"])).await?;
        page.until(BOTH_ARE_LIVE).await?;
        // Nothing is refused any more, so the form is out of the way.
        page.until(&format!("({SAID}) === 'nothing'")).await?;
        page.call("click", json!(["#token-toggle"])).await?;
        let other = Claims { subject: Some("<i>u8</i>".into()), publish: Vec::new(), ..content()? };
        use_token(&mut page, &sign(&other)?).await?;
        page.until("document.querySelector('#token-toggle').innerHTML.includes('&lt;i&gt;u8')")
            .await?;
        page.until(BOTH_ARE_LIVE).await?;
        page.call("fill", json!(["#publish [name=text]", "not allowed"])).await?;
        page.call("click", json!(["#publish button.primary"])).await?;
        says(&mut page, "Paste a token that allows it.").await?;
        let stored =
            page.call("evaluate", json!(["JSON.stringify(localStorage) + location"])).await?;
        ensure!(!stored.to_string().contains("ey"), "{stored}");
        // Chromium reports each refusal, and nothing else went wrong.
        let refusals = ["the server responded with a status of 40", "WebSocket connection to "];
        page.failures.retain(|failure| !refusals.iter().any(|words| failure.contains(words)));
        ensure!(page.failures.is_empty(), "{:?}", page.failures);
        Ok(())
    })
    .await
}
