//! A publish in the words of the protocol, and the labels in it, over HTTP too.

use tidewire_broker::{
    ChannelName, Content, Draft, Forbidden, Grant, Label, LabelError, NameError, Permit,
};
use tidewire_protocol::{DataError, Publish, PublishedData};

/// Makes a publish, as the protocol words it, ready for an engine.
///
/// # Errors
///
/// The channel, event, key or data is not what it has to be, or the grant does not reach so far.
pub fn prepare_publish(
    publish: &Publish<'_>,
    grant: &Grant,
) -> Result<(Permit, Draft), InvalidPublish> {
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
    Ok((
        permit,
        Draft {
            event,
            key,
            id,
            #[cfg(feature = "traces")]
            trace: publish.traceparent.as_deref().and_then(crate::TraceParent::sampled),
            ..Draft::new(content)
        },
    ))
}

/// Reads an event name, if one was given.
///
/// # Errors
///
/// It is no label, or one of the system's: `$gap` and the like come from the server alone.
pub fn parse_event(text: Option<&str>) -> Result<Option<Label>, InvalidLabel> {
    if text.is_some_and(|text| text.starts_with('$')) {
        return Err(InvalidLabel::SystemEvent);
    }
    if let Some(name) = OF_EVENT_SOURCE.into_iter().find(|name| text == Some(name)) {
        return Err(InvalidLabel::EventSourceEvent { name });
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
pub fn parse_key(text: Option<&str>) -> Result<Option<Label>, InvalidLabel> {
    parse_label("key", text)
}

/// Reads the label `name`, if it was given.
///
/// # Errors
///
/// It is no label; the error names it.
pub fn parse_label(name: &'static str, text: Option<&str>) -> Result<Option<Label>, InvalidLabel> {
    let name_it = |error| InvalidLabel::Text { name, error };
    text.map(|text| text.parse().map_err(name_it)).transpose()
}

/// Why a publish is not even handed to an engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPublish {
    /// No channel has such a name.
    #[error(transparent)]
    Channel(#[from] NameError),
    /// The grant does not reach so far.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The payload does not match its type.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Its event name, key or id is not valid.
    #[error(transparent)]
    Label(#[from] InvalidLabel),
}

/// Why a text is no event name, no key, no id, or no other label of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLabel {
    /// It is no label.
    #[error("{name} {error}")]
    Text {
        /// What the request calls it.
        name: &'static str,
        /// What is wrong with it.
        error: LabelError,
    },
    /// An event of the system's, such as `$gap`.
    #[error("event begins with $; such events belong to the system")]
    SystemEvent,
    /// An event that browsers fire by themselves.
    #[error(
        "event is {name}, which a browser's EventSource gives to on{name} beside its own; \
         choose another name"
    )]
    EventSourceEvent {
        /// Which one.
        name: &'static str,
    },
}
