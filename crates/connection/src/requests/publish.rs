//! A publish in the words of the protocol, and the labels in it, over HTTP too.

use crate::Refusal;
use tidewire_broker::{ChannelName, Content, Draft, Grant, Label, LabelError, Permit};
use tidewire_protocol::{ErrorCode, Publish, PublishedData};

/// Makes a publish, as the protocol words it, ready for an engine.
///
/// # Errors
///
/// The channel, event, key or data is not what it has to be, or the grant does not reach so far.
pub fn prepare_publish(publish: &Publish<'_>, grant: &Grant) -> Result<(Permit, Draft), Refusal> {
    let channel: ChannelName = publish.channel.parse()?;
    let permit = grant.permit(&channel)?;
    let content = match publish.payload()? {
        PublishedData::Json(json) => Content::Json(json.into()),
        PublishedData::Text(text) => Content::Text(text.into()),
        PublishedData::Binary(bytes) => Content::Binary(bytes.into()),
        PublishedData::Nothing => Content::Nothing,
    };
    let event = parse_event(publish.event.as_deref())?;
    let key = parse_key(publish.key.as_deref())?;
    let id = parse_label("message_id", publish.message_id.as_deref())?;
    Ok((permit, Draft { event, key, id, ..Draft::new(content) }))
}

/// Reads an event name, if one was given.
///
/// # Errors
///
/// It is no label, or one of the system's: `$gap` and the like come from the server alone.
pub fn parse_event(text: Option<&str>) -> Result<Option<Label>, Refusal> {
    if text.is_some_and(|text| text.starts_with('$')) {
        let message = "event begins with $; such events belong to the system";
        return Err(Refusal::new(ErrorCode::BadRequest, message));
    }
    if let Some(name) = text.filter(|text| OF_EVENT_SOURCE.contains(text)) {
        let message = format!(
            "event is {name}, which a browser's EventSource gives to on{name} beside its own; \
             choose another name"
        );
        return Err(Refusal::new(ErrorCode::BadRequest, message));
    }
    parse_label("event", text)
}

/// Events that an `EventSource` fires by itself, about its connection ([HTML §9.2.3]). A message of
/// that name would be taken for one of them by every page that listens.
///
/// [HTML §9.2.3]: https://html.spec.whatwg.org/multipage/server-sent-events.html#processing-model-2
const OF_EVENT_SOURCE: [&str; 2] = ["error", "open"];

/// Reads a key, if one was given.
///
/// # Errors
///
/// It is no label.
pub fn parse_key(text: Option<&str>) -> Result<Option<Label>, Refusal> {
    parse_label("key", text)
}

/// Reads the label `name`, if it was given.
///
/// # Errors
///
/// It is no label; the refusal names it.
pub fn parse_label(name: &str, text: Option<&str>) -> Result<Option<Label>, Refusal> {
    let refuse = |error: LabelError| Refusal::new(ErrorCode::BadRequest, format!("{name} {error}"));
    text.map(|text| text.parse().map_err(refuse)).transpose()
}
