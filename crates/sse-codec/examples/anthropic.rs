//! The tokens of a language model as they come, from Anthropic's interface, whose events have names.
//!
//! `cargo run -p tidewire-sse --features reqwest --example anthropic -- http://127.0.0.1:8080 'Why is the sea salty?'`
//! For `https` a program gives `reqwest` one of its features for TLS.

use futures_util::TryStreamExt as _;
use reqwest::Client;
use serde_json::{Value, json};
use sse_codec::EventsExt as _;
use std::{env, error::Error, io::Write as _};

pub(crate) async fn ask(
    base: &str,
    text: &str,
    mut say: impl FnMut(&str),
) -> Result<(), Box<dyn Error>> {
    let messages = json!([{"role": "user", "content": text}]);
    let body = json!({"model": "claude-sonnet-4-5", "max_tokens": 1024, "stream": true, "messages": messages});
    let request = Client::new().post(format!("{base}/v1/messages")).body(body.to_string());
    let request = request
        .header("content-type", "application/json")
        .header("anthropic-version", "2023-06-01");
    let request = request.header("x-api-key", env::var("ANTHROPIC_API_KEY").unwrap_or_default());
    let mut events = request.send().await?.error_for_status()?.bytes_stream().events();
    while let Some(event) = events.try_next().await? {
        match event.name() {
            "content_block_delta" => {
                let delta: Value = serde_json::from_str(event.data())?;
                say(delta.pointer("/delta/text").and_then(Value::as_str).unwrap_or_default());
            }
            "error" => return Err(event.into_data().into()),
            _ => {}
        }
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [base, text] = [1, 2].map(|at| env::args().nth(at).unwrap_or_default());
    ask(&base, &text, |token| {
        print!("{token}");
        std::io::stdout().flush().unwrap_or_default();
    })
    .await
}
