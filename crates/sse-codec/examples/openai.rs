//! The tokens of a language model as they come, from any server with OpenAI's interface.
//!
//! With Ollama on this machine:
//! `cargo run -p tidewire-sse --features reqwest --example openai -- http://127.0.0.1:11434/v1 'Why is the sea salty?'`
//! For `https` a program gives `reqwest` one of its features for TLS.

use futures_util::TryStreamExt as _;
use reqwest::{Client, header::CONTENT_TYPE};
use serde_json::{Value, json};
use sse_codec::EventsExt as _;
use std::{env, error::Error, io::Write as _};

pub(crate) async fn ask(
    base: &str,
    text: &str,
    mut say: impl FnMut(&str),
) -> Result<(), Box<dyn Error>> {
    let messages = json!([{"role": "user", "content": text}]);
    let body = json!({"model": "llama3.2", "stream": true, "messages": messages}).to_string();
    let request = Client::new().post(format!("{base}/chat/completions")).body(body);
    let response = request.header(CONTENT_TYPE, "application/json").send().await?;
    let mut events = response.error_for_status()?.bytes_stream().events();
    while let Some(event) = events.try_next().await?.filter(|event| event.data() != "[DONE]") {
        let chunk: Value = serde_json::from_str(event.data())?;
        say(chunk.pointer("/choices/0/delta/content").and_then(Value::as_str).unwrap_or_default());
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
