//! Server-Sent Events: `GET /events` with messages as JSON, resumed by `Last-Event-ID`.

use super::{
    next_chunk, open_body,
    renewal::{Received, Renewal},
    subscribe_request,
};
use crate::{
    Client,
    machine::{Failure, Item, Opening},
};
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
    pub(super) async fn open(client: &Client, opening: &Opening) -> Result<Self, Failure> {
        let text = opening.since.to_string();
        let mut parameters = vec![("format", "json"), ("heartbeat", "event")];
        parameters.extend(client.member());
        let is_position = matches!(opening.since, Since::After(Bookmark { state: None, .. }));
        if !is_position {
            parameters.insert(0, ("since", &*text));
        }
        let mut request = subscribe_request(client, "events", &opening.channels, &parameters);
        if is_position {
            request = request.header("last-event-id", &text);
        }
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
                    Received::Named(connection) => self.renewal.name(connection),
                    Received::Expiring => self.renewal.start(),
                    Received::Item(item) => self.items.push_back(item),
                },
                Ok(Some(sse_codec::Item::Retry(delay))) => self.items.push_back(Item::Retry(delay)),
                // Nothing else was asked for.
                Ok(Some(_)) => {}
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

fn interpret(event: &Event<'_>) -> Result<Received, Failure> {
    let read = match event.name {
        "$gap" => serde_json::from_str(event.data).map(Item::Gap),
        // Refused for the moment, in the only way that does not end a browser's EventSource; or at the end of a grant.
        "$error" => match serde_json::from_str::<ErrorEvent>(event.data) {
            Ok(refusal) => return Err(Failure::of_error(refusal)),
            Err(error) => Err(error),
        },
        "$unsubscribed" => serde_json::from_str(event.data).map(Item::Unsubscribed),
        "$goodbye" => serde_json::from_str(event.data).map(|goodbye: Goodbye| goodbye.into()),
        // Its id is the position.
        "$position" => serde_json::from_str(event.data).map(|reached: Reached| {
            let heartbeat = reached.heartbeat_ms.map(Duration::from_millis);
            heartbeat.map_or(Item::Alive, Item::Heartbeat)
        }),
        "$connection" => {
            let named = serde_json::from_str(event.data).map(|Named { id }| Received::Named(id));
            return named.map_err(not_ours);
        }
        "$expiring" => return Ok(Received::Expiring),
        // A newer server's word.
        name if name.starts_with('$') => Ok(Item::Alive),
        _ => serde_json::from_str(event.data).map(Item::Message),
    };
    read.map(Received::Item).map_err(not_ours)
}

fn not_ours(error: serde_json::Error) -> Failure {
    Failure::unsuitable(format!("an event is not a message: {error}"))
}

const MEDIA_TYPE: &str = "text/event-stream";
