//! The console page at `/`: publish in its form, see it on both wires, cut one and see it resume.

use crate::{browser::Page, common::within};
use anyhow::{Context as _, Result};
use serde_json::json;
use tidewire_test_harness::{peers::http::publish, server::Server};

/// Until both panes say that they are connected.
const BOTH_ARE_LIVE: &str = "['#sse', '#ws'].every((pane) =>
    document.querySelector(`${pane} [data-part=state]`).textContent.includes('live'))";

fn shows(pane: &str, text: &str) -> String {
    format!("document.querySelector('{pane} [data-part=list]').textContent.includes('{text}')")
}

#[tokio::test]
async fn the_console_shows_a_message_on_both_panes() -> Result<()> {
    within(90, async {
        let server = Server::start(&[]).await?;
        let mut page = Page::start(&[]).await?;
        page.call("goto", json!([format!("http://{}/", server.address())])).await?;
        page.until(BOTH_ARE_LIVE).await.context("both live")?;

        page.call("fill", json!(["#publish [name=text]", "tide is high"])).await?;
        page.call("click", json!(["#publish button.primary"])).await?;
        for pane in ["#sse", "#ws"] {
            page.until(&shows(pane, "tide is high")).await?;
        }

        page.call("click", json!(["#ws [data-part=cut]"])).await?;
        publish(server.address(), "lobby", "while away").await?;
        page.until(&shows("#sse", "while away")).await?;
        let at_once = page.call("evaluate", json!([shows("#ws", "while away")])).await?;
        assert_eq!(at_once, json!(false));
        page.call("click", json!(["#ws [data-part=cut]"])).await?;
        page.until(&shows("#ws", "while away")).await?;
        for pane in ["#sse", "#ws"] {
            for part in ["gaps", "duplicates"] {
                let selector = format!("{pane} [data-part={part}]");
                let count = page.call("textContent", json!([selector])).await?;
                assert_eq!(count, json!("0"), "{pane} {part}");
            }
        }
        // Six connections are all that the browser opens: the page that waits for one says so.
        page.call(
            "evaluate",
            json!(["{ window.held = [...Array(9).keys()].map((number) =>
            new EventSource(`/events?channel=held.${number}`)); }"]),
        )
        .await?;
        page.until("held.filter(({ readyState }) => readyState === 1).length === 5").await?;
        page.call("click", json!(["#sse [data-part=cut]"])).await?;
        page.until("held.filter(({ readyState }) => readyState === 1).length === 6").await?;
        page.call("click", json!(["#sse [data-part=cut]"])).await?;
        let says = "document.querySelector('#sse [data-part=reason]').textContent";
        page.until(&format!("{says}.includes('six connections')")).await?;
        page.call("evaluate", json!(["{ held.forEach((source) => source.close()); }"])).await?;
        page.until(BOTH_ARE_LIVE).await.context("live again")?;
        page.until(&format!("{says} === ''")).await?;
        assert_eq!(page.failures, Vec::<String>::new());
        Ok(())
    })
    .await
}
