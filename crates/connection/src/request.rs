//! The requests of `tidewire.v1`: each is answered, by what was asked or by why not.

use crate::{
    Connection, Identity, PageReading, PageRequest, Place, PresencePage, Refusal, Span,
    Subscription, Time, Worker,
    socket::{Publish, Socket},
    start::in_words,
    unanswered::{Request, Unanswered},
};
use tidewire_broker::{
    ChannelName, Content, Draft, Grant, Interest, Label, LabelError, Pattern, Permit,
};
use tidewire_protocol::{
    ClientMessage, ErrorCode, History, Presence, PublishedData, RawValue, ServerMessage, Since,
    Subscribe, Unsubscribe,
};

/// Makes a publish, as the protocol words it, ready for an engine.
///
/// # Errors
///
/// The channel, event, key or data is not what it has to be, or the grant does not reach so far.
pub fn prepare(
    publish: &tidewire_protocol::Publish<'_>,
    grant: &Grant,
) -> Result<(Permit, Draft), Refusal> {
    let channel: ChannelName = publish.channel.parse()?;
    let permit = grant.permit(&channel)?;
    let content = match publish.payload()? {
        PublishedData::Json(json) => Content::Json(json.into()),
        PublishedData::Text(text) => Content::Text(text.into()),
        PublishedData::Binary(bytes) => Content::Binary(bytes.into()),
        PublishedData::Nothing => Content::Nothing,
    };
    let event = event(publish.event.as_deref())?;
    let key = key(publish.key.as_deref())?;
    let id = label("message_id", publish.message_id.as_deref())?;
    Ok((permit, Draft { event, key, id, ..Draft::new(content) }))
}

/// Reads an event name, if one was given.
///
/// # Errors
///
/// It is no label, or one of the system's: `$gap` and the like come from the server alone.
pub fn event(text: Option<&str>) -> Result<Option<Label>, Refusal> {
    if text.is_some_and(|text| text.starts_with('$')) {
        let message = "event begins with $; such events are the system's";
        return Err(Refusal::new(ErrorCode::BadRequest, message));
    }
    if let Some(name) = text.filter(|text| OF_EVENT_SOURCE.contains(text)) {
        let message = format!(
            "event is {name}, which a browser's EventSource gives to on{name} beside its own; \
             choose another name"
        );
        return Err(Refusal::new(ErrorCode::BadRequest, message));
    }
    label("event", text)
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
pub fn key(text: Option<&str>) -> Result<Option<Label>, Refusal> {
    label("key", text)
}

/// Reads the label `name`, if it was given.
///
/// # Errors
///
/// It is no label; the refusal names it.
pub fn label(name: &str, text: Option<&str>) -> Result<Option<Label>, Refusal> {
    let refuse = |error: LabelError| Refusal::new(ErrorCode::BadRequest, format!("{name} {error}"));
    text.map(|text| text.parse().map_err(refuse)).transpose()
}

/// Reads how many messages a page may have.
///
/// # Errors
///
/// It is no whole number from 1 on.
pub fn limit(text: &str) -> Result<usize, Refusal> {
    text.parse().ok().filter(|limit| *limit > 0).ok_or_else(|| {
        let message = format!("limit={text} is not a whole number from 1 on");
        Refusal::new(ErrorCode::BadRequest, message)
    })
}

impl Connection {
    pub(crate) fn handle_request(
        &mut self,
        text: &str,
        socket: &mut Socket,
        worker: &mut Worker,
        time: Time,
    ) {
        let (id, answer) = match ClientMessage::parse(text) {
            Ok(ClientMessage::Subscribe(ask)) => {
                (ask.id, self.subscribe(&ask, socket, worker, time))
            }
            Ok(ClientMessage::Unsubscribe(ask)) => (ask.id, self.unsubscribe(&ask, worker)),
            Ok(ClientMessage::History(ask)) => {
                (ask.id, self.tell_history(&ask, socket, worker, time))
            }
            Ok(ClientMessage::Publish(publish)) => {
                match prepare(&publish, &socket.grant) {
                    Ok((permit, draft)) => {
                        let origin = (!publish.wants_echo()).then_some(socket.number);
                        let draft = Draft { origin, ..draft };
                        socket.queue(Publish { id: publish.id, permit, draft });
                    }
                    Err(refusal) => self.say_refusal(publish.id, &refusal),
                }
                return;
            }
            Ok(ClientMessage::Presence(ask)) => {
                (ask.id, self.tell_presence(&ask, socket, worker, time))
            }
            Ok(ClientMessage::Token(ask)) => (ask.id, Err(not_yet("tokens"))),
            Err(error) => return self.say(&ServerMessage::from(&error)),
        };
        if let Err(refusal) = answer {
            self.say_refusal(Some(id), &refusal);
        }
    }

    pub(crate) fn say_refusal(&mut self, id: Option<u64>, refusal: &Refusal) {
        let Refusal { code, message } = refusal;
        self.say(&ServerMessage::Error { id, code: *code, message, retry_ms: None });
    }

    fn subscribe(
        &mut self,
        ask: &Subscribe<'_>,
        socket: &mut Socket,
        worker: &mut Worker,
        time: Time,
    ) -> Result<(), Refusal> {
        let pattern: Pattern = ask.channel.parse()?;
        let subscriptions_max = worker.limits.subscriptions_max;
        if self.reader.patterns().count() >= subscriptions_max {
            let message = format!("a connection has at most {subscriptions_max} subscriptions");
            return Err(Refusal::new(ErrorCode::TooManySubscriptions, message));
        }
        let since = ask.since.as_deref().map_or(Ok(Since::Now), str::parse)?;
        let identity = Identity::new(ask.user.as_deref(), ask.info.map(RawValue::get))?;
        let subscription = Subscription { pattern, place: Place::Since(since) };
        if self.reader.follows(&subscription.pattern) {
            let message = format!("there is a subscription to {} already", ask.channel);
            return Err(Refusal::new(ErrorCode::AlreadySubscribed, message));
        }
        // A pattern may have to look at all channels.
        self.is_spent |= subscription.pattern.as_channel().is_none();
        if let Some(attendance) = &mut self.attendance {
            attendance.join(&subscription.pattern, identity, time)?;
        }
        if let Since::Time(_) | Since::Ago(_) = since {
            // Where that is, an archive may have to look up.
            let (channel, interest) = (ask.channel.clone().into_owned(), Interest::default());
            let request = Request::Subscribe { channel, subscription, interest };
            return self.defer(ask.id, request, socket);
        }
        let (after, mut gaps) = self.follow(&[subscription], worker, time);
        let position = in_words(worker.broker.position(after));
        self.replies.append(&mut gaps);
        self.say(&ServerMessage::Subscribed { id: ask.id, channel: &ask.channel, position });
        Ok(())
    }

    fn unsubscribe(&mut self, ask: &Unsubscribe<'_>, worker: &mut Worker) -> Result<(), Refusal> {
        let pattern: Pattern = ask.channel.parse()?;
        if !self.reader.unfollow(&pattern) {
            let message = format!("there is no subscription to {pattern}");
            return Err(Refusal::new(ErrorCode::NotSubscribed, message));
        }
        worker.lane.unfollow(self.waiter, &pattern);
        if let Some(attendance) = &mut self.attendance {
            attendance.leave(&pattern);
        }
        self.say(&ServerMessage::Unsubscribed { id: ask.id, channel: &ask.channel });
        Ok(())
    }

    fn tell_history(
        &mut self,
        ask: &History<'_>,
        socket: &mut Socket,
        worker: &Worker,
        time: Time,
    ) -> Result<(), Refusal> {
        let pattern: Pattern = ask.channel.parse()?;
        let (since, before) = (ask.since.as_deref(), ask.before.as_deref());
        let span = Span::parse(since, before, ask.until.as_deref())?;
        let limit = ask.limit.map(|count| limit(&count.to_string())).transpose()?;
        let request = PageRequest { pattern, span, limit };
        let reading = PageReading::new(request, &worker.broker, &worker.limits, time);
        self.defer(ask.id, Request::History(reading), socket)
    }

    fn tell_presence(
        &mut self,
        ask: &Presence<'_>,
        socket: &mut Socket,
        worker: &Worker,
        time: Time,
    ) -> Result<(), Refusal> {
        let channel: ChannelName = ask.channel.parse()?;
        let since = ask.since.as_deref().map(str::parse).transpose()?;
        let limit = ask.limit.map(|count| limit(&count.to_string())).transpose()?;
        let Worker { broker, limits, .. } = worker;
        let request = PresencePage::request(&channel, since, limit, broker)?;
        let reading = PageReading::new(request, broker, limits, time);
        self.defer(ask.id, Request::Presence(channel, reading), socket)
    }

    /// Has a request answered when it is the connection's turn to write; until then nothing is read.
    fn defer(&mut self, id: u64, request: Request, socket: &mut Socket) -> Result<(), Refusal> {
        self.is_spent = true;
        socket.unanswered = Some(Box::new(Unanswered { id, request }));
        Ok(())
    }
}

fn not_yet(what: &str) -> Refusal {
    Refusal::new(ErrorCode::Unsupported, format!("this server has no {what}"))
}
