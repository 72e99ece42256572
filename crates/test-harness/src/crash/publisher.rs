//! A client that publishes one message after the other, and repeats the one that a crash left
//! unanswered.

use super::{Answers, Name};
use crate::peers::{
    text,
    websocket::{Frame, Socket},
};
use anyhow::{Result, ensure};
use serde_json::json;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};

/// Publishes until the run is over; the publish that has begun is completed.
pub(super) async fn publish(
    address: SocketAddr,
    number: usize,
    answers: Arc<Answers>,
) -> Result<()> {
    let mut count = 1;
    let mut is_repeated = false;
    loop {
        let Ok(Ok((mut socket, _))) = timeout(PATIENCE, Socket::speak(address)).await else {
            sleep(PAUSE).await;
            continue;
        };
        loop {
            if answers.is_over() && !is_repeated {
                return Ok(());
            }
            let name = (number, count);
            match timeout(PATIENCE, ask(&mut socket, name)).await {
                Ok(Ok(Some(position))) => {
                    answers.note(name, position, is_repeated)?;
                    (count, is_repeated) = (count + 1, false);
                }
                // The connection broke, or is silent: nobody knows what became of the publish.
                Ok(Ok(None)) | Err(_) => break is_repeated = true,
                Ok(Err(error)) => return Err(error),
            }
        }
        sleep(PAUSE).await;
    }
}

/// Whether this one of a publisher's goes to the compacted channel.
pub(super) fn is_state((_, count): Name) -> bool {
    count % 8 == 0
}

async fn ask(socket: &mut Socket, (number, count): Name) -> Result<Option<String>> {
    let is_state = is_state((number, count));
    let channel = if is_state { "state".to_owned() } else { format!("crash.c{}", number % 4) };
    let key = is_state.then(|| number.to_string());
    let request = json!({
        "type": "publish", "id": count, "channel": channel, "key": key,
        "data": format!("{number}:{count}"), "message_id": format!("{number}:{count}"),
    });
    if socket.send(Frame::text(request.to_string())).await.is_err() {
        return Ok(None);
    }
    let Ok(Some(answer)) = socket.json().await else { return Ok(None) };
    if text(&answer, "type")? == "goodbye" {
        return Ok(None);
    }
    ensure!(text(&answer, "type")? == "published", "instead of an answer came {answer}");
    Ok(Some(text(&answer, "position")?))
}

const PAUSE: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(20);
