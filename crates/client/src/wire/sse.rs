//! Server-Sent Events: `GET /events` with messages as JSON, resumed by `Last-Event-ID`.

use super::{Failure, Item, next_chunk, open_body, renewal::Renewal, subscribe_request};
use crate::{Client, progress::Progress};
use reqwest::{Response, header};
use sse_codec::{Event, Parser};
use std::{collections::VecDeque, time::Duration};
use tidewire_protocol::{Bookmark, ErrorEvent, Goodbye, Named, Reached, Since};
use tokio::select;

#[derive(Debug)]
pub(crate) struct Sse {
    response: Response,
    parser: Parser,
    /// The last id that was handed out as a position.
    last_event_id: String,
    items: VecDeque<Item>,
    renewal: Renewal,
}

impl Sse {
    pub(super) async fn open(client: &Client, progress: &Progress) -> Result<Self, Failure> {
        let since = progress.since();
        let text = since.to_string();
        let all = [("since", &*text), ("format", "json"), ("heartbeat", "event")];
        let [_, others @ ..] = &all;
        let request = match since {
            Since::After(Bookmark { state: None, .. }) => {
                subscribe_request(client, "events", progress, others).header("last-event-id", &text)
            }
            _ => subscribe_request(client, "events", progress, &all),
        };
        let request =
            request.header(header::ACCEPT, MEDIA_TYPE).header(header::CACHE_CONTROL, "no-cache");
        Ok(Self {
            response: open_body(client, request, &[MEDIA_TYPE]).await?,
            parser: Parser::new(),
            last_event_id: String::new(),
            items: VecDeque::new(),
            renewal: Renewal::new(client),
        })
    }

    pub(super) async fn next(&mut self) -> Result<Item, Failure> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return Ok(item);
            }
            select! {
                chunk = next_chunk(&mut self.response) => self.read(chunk?.as_ref())?,
                () = self.renewal.done() => {}
            }
        }
    }

    fn read(&mut self, mut input: &[u8]) -> Result<(), Failure> {
        loop {
            match self.parser.parse(&mut input) {
                Ok(Some(sse_codec::Item::Event(event))) => match interpret(&event)? {
                    Item::Named(connection) => self.renewal.name(connection),
                    Item::Expiring => self.renewal.start(),
                    item => self.items.push_back(item),
                },
                Ok(Some(sse_codec::Item::Retry(delay))) => self.items.push_back(Item::Retry(delay)),
                Ok(None) => break,
                Err(error) => return Err(Failure::Cut(error.to_string())),
            }
        }
        // Blocks of only an `id` dispatch nothing, so look what they left behind.
        let received = self.parser.last_event_id();
        if received != self.last_event_id
            && let Ok(position) = received.parse()
        {
            self.last_event_id = received.to_owned();
            self.items.push_back(Item::Position(position));
        }
        if self.items.is_empty() {
            self.items.push_back(Item::Alive);
        }
        Ok(())
    }
}

fn interpret(event: &Event<'_>) -> Result<Item, Failure> {
    let read = match event.event {
        "$gap" => serde_json::from_str(event.data).map(Item::Gap),
        // Refused for the moment, in the only way that does not end a browser's EventSource; or at the end of a grant.
        "$error" => match serde_json::from_str::<ErrorEvent>(event.data) {
            Ok(refusal) => return Err(Failure::of_error(refusal)),
            Err(error) => Err(error),
        },
        "$unsubscribed" => match serde_json::from_str(event.data) {
            Ok(ended) => return Err(Failure::of_unsubscribed(ended)),
            Err(error) => Err(error),
        },
        "$goodbye" => serde_json::from_str(event.data).map(|goodbye: Goodbye| goodbye.into()),
        // Its id is the position.
        "$position" => serde_json::from_str(event.data).map(|reached: Reached| {
            let heartbeat = reached.heartbeat_ms.map(Duration::from_millis);
            heartbeat.map_or(Item::Alive, Item::Heartbeat)
        }),
        "$connection" => serde_json::from_str(event.data).map(|Named { id }| Item::Named(id)),
        "$expiring" => Ok(Item::Expiring),
        // A newer server's word.
        name if name.starts_with('$') => Ok(Item::Alive),
        _ => serde_json::from_str(event.data).map(Item::Message),
    };
    read.map_err(|error| Failure::unsuitable(format!("an event is not a message: {error}")))
}

const MEDIA_TYPE: &str = "text/event-stream";
