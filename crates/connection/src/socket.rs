//! The WebSocket side of a connection: frames in.
//!
//! Frames are decoded where they arrived; only what is unfinished is kept.

use crate::{
    Connection, Dialect, Parting, Refusal, Subscription, Time, Worker, connection::Phase,
    unanswered::Unanswered,
};
use std::{collections::VecDeque, mem, num::NonZeroU64};
use tidewire_broker::{ChannelName, Content, Draft, Forbidden, Grant, Permit, Position};
use tidewire_protocol::ServerMessage;
use ws_frame::{Close, CloseCode, Decoder, Event, Kind, Piece, ProtocolError, Role};

#[derive(Debug)]
pub(crate) struct Socket {
    decoder: Decoder,
    pub(crate) dialect: Dialect,
    pub(crate) grant: Grant,
    /// The connection's own number, the origin of what it publishes without wanting an echo.
    pub(crate) number: NonZeroU64,
    /// Payload bytes of one message in.
    message_bytes_max: usize,
    /// Where a raw client's frames go: the one channel it follows.
    publish_to: Option<ChannelName>,
    /// Input that has not been decoded: the front of a frame, or what waits behind answers.
    parked: Vec<u8>,
    /// A message of which only so much has arrived.
    message: Vec<u8>,
    publishes: VecDeque<Publish>,
    /// Of their payloads.
    publishes_bytes: usize,
    /// A request that an archive has still to be asked for. Nothing is read until it is answered.
    pub(crate) unanswered: Option<Box<Unanswered>>,
    echo: Echo,
    /// A broken frame, whose close waits for the echo; nothing is read any more.
    broken: Option<ProtocolError>,
}

/// What a raw client has published and not heard back.
#[derive(Debug, Default)]
struct Echo {
    /// Publishes that have no offset yet.
    unanswered: usize,
    /// The newest offset of the others.
    newest: u64,
}

impl Echo {
    /// Whether some is still to come to a reader that has been handed everything up to `after`.
    fn is_awaited(&self, after: u64) -> bool {
        self.unanswered > 0 || after < self.newest
    }
}

/// A publish that a client has asked for.
#[derive(Debug)]
pub struct Publish {
    /// The client's number for it, if it wants an answer.
    pub id: Option<u64>,
    /// That it may.
    pub permit: Permit,
    /// What to publish.
    pub draft: Draft,
}

impl Socket {
    pub(crate) fn new(
        dialect: Dialect,
        grant: Grant,
        number: NonZeroU64,
        subscriptions: &[Subscription],
        worker: &Worker,
    ) -> Self {
        let publish_to = match subscriptions {
            [Subscription { pattern, .. }] => pattern.as_channel(),
            _ => None,
        };
        let message_bytes_max = match (dialect, &publish_to) {
            (Dialect::Tidewire, _) => worker.limits.request_bytes_max(),
            (_, None) => worker.limits.message_bytes_max,
            (_, Some(channel)) => {
                let options = worker.broker.options(channel);
                options.message_bytes_max.min(worker.limits.message_bytes_max)
            }
        };
        Self {
            decoder: Decoder::new(Role::Server),
            dialect,
            grant,
            number,
            message_bytes_max,
            publish_to,
            parked: Vec::new(),
            message: Vec::new(),
            publishes: VecDeque::new(),
            publishes_bytes: 0,
            unanswered: None,
            echo: Echo::default(),
            broken: None,
        }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.parked.len() + self.message.len() + self.publishes_bytes
    }

    /// The same, as the allocator sees it.
    pub(crate) fn held_input_bytes(&self) -> usize {
        let publishes = self.publishes.len() * size_of::<Publish>() + self.publishes_bytes;
        self.parked.capacity() + self.message.capacity() + publishes
    }

    /// Has a publish wait for whoever takes it over.
    pub(crate) fn queue(&mut self, publish: Publish) {
        self.publishes_bytes += publish.draft.bytes();
        self.publishes.push_back(publish);
    }

    pub(crate) fn forget_message(&mut self) {
        self.message = Vec::new();
    }

    /// Keeps a piece of a message. Its room at most doubles, and never passes what a message may have.
    fn keep(&mut self, piece: &[u8]) {
        let bytes = self.message.len() + piece.len();
        if bytes > self.message.capacity() {
            let room = (self.message.capacity() * 2).min(self.message_bytes_max).max(bytes);
            self.message.reserve_exact(room - self.message.len());
        }
        self.message.extend_from_slice(piece);
    }
}

impl Connection {
    /// Takes in bytes from the client, decoding them in place.
    ///
    /// Only a WebSocket client has anything to say; what another sends is passed over.
    pub fn handle_input(&mut self, input: &mut [u8], worker: &mut Worker, time: Time) {
        if !input.is_empty() {
            self.heard_ms = time.steady_ms;
            self.pinged_ms = None;
        }
        let Some(mut socket) = self.socket.take() else { return };
        let mut parked = mem::take(&mut socket.parked);
        let input = if parked.is_empty() {
            input
        } else {
            parked.extend_from_slice(input);
            &mut parked[..]
        };
        // Copied, so that an idle connection keeps no more than what is unfinished.
        socket.parked = self.decode(&mut socket, input, worker, time).to_vec();
        self.socket = Some(socket);
    }

    /// Whether more input is welcome: not while answers pile up that the client does not take, nor
    /// after a request that was much work, before others had a turn or while it waits for an archive, nor
    /// behind a broken frame.
    pub fn wants_input(&self, worker: &Worker) -> bool {
        let is_held = |socket: &Socket| socket.broken.is_some() || socket.unanswered.is_some();
        let is_broken = self.socket.as_deref().is_some_and(is_held);
        let is_over = match self.phase {
            Phase::Open => is_broken,
            Phase::Closing { .. } => false,
            Phase::Flushing(_) | Phase::Ended(_) => true,
        };
        !is_over && !self.is_spent && self.replies.len() < worker.limits.replies_bytes_max
    }

    /// Whether [`Connection::poll_publish`] has any.
    pub fn has_publishes(&self) -> bool {
        self.socket.as_ref().is_some_and(|socket| !socket.publishes.is_empty())
    }

    /// A publish the client has asked for; answer it by [`Connection::handle_published`].
    pub fn poll_publish(&mut self) -> Option<Publish> {
        let Socket { publishes, publishes_bytes, .. } = &mut **self.socket.as_mut()?;
        let publish = publishes.pop_front()?;
        *publishes_bytes -= publish.draft.bytes();
        if publishes.is_empty() {
            *publishes = VecDeque::new();
        }
        Some(publish)
    }

    /// Takes in how a publish went.
    pub fn handle_published(
        &mut self,
        id: Option<u64>,
        outcome: Result<Position, Refusal>,
        worker: &Worker,
        time: Time,
    ) {
        let raw = self.socket.as_deref_mut().filter(|socket| socket.dialect != Dialect::Tidewire);
        let is_raw = raw.is_some();
        if let Some(Socket { echo, .. }) = raw {
            echo.unanswered = echo.unanswered.saturating_sub(1);
            echo.newest = outcome.as_ref().map_or(echo.newest, |position| position.offset);
        }
        match (id, outcome) {
            // Nothing may follow a close.
            _ if self.phase != Phase::Open => {}
            (Some(id), Ok(position)) => {
                let position = crate::start::in_words(position);
                self.say(&ServerMessage::Published { id, position });
            }
            (None, Ok(_)) => {}
            // A raw client would take any answer for a message, and will never fare better.
            (_, Err(Refusal { code, message })) if is_raw && !code.retryable() => {
                let policy = CloseCode::POLICY_VIOLATION;
                self.say_close(policy, &message, Parting::Refused, worker, time);
            }
            (id, Err(refusal)) => self.say_refusal(id, &refusal),
        }
        self.resume_close(worker, time);
    }

    /// Goes on with input that waited behind answers, or a close behind an echo, once those are sent.
    pub(crate) fn resume_input(&mut self, worker: &mut Worker, time: Time) {
        let waits = |socket: &Socket| socket.broken.is_some() || !socket.parked.is_empty();
        if !self.socket.as_deref().is_some_and(waits) {
            return;
        }
        self.resume_close(worker, time);
        let waits = self.socket.as_ref().is_some_and(|socket| !socket.parked.is_empty());
        if waits && self.wants_input(worker) {
            self.handle_input(&mut [], worker, time);
        }
    }

    /// Goes on with a close that waited behind an echo.
    fn resume_close(&mut self, worker: &Worker, time: Time) {
        if let Some(mut socket) = self.socket.take() {
            self.close_broken(&mut socket, worker, time);
            self.socket = Some(socket);
        }
    }

    /// Answers a broken frame, once the echo has gone out of what came before it: whether that is
    /// heard should not hang on how the frames shared out into packets.
    fn close_broken(&mut self, socket: &mut Socket, worker: &Worker, time: Time) {
        if self.phase == Phase::Open
            && !socket.echo.is_awaited(self.after(&worker.broker))
            && let Some(error) = socket.broken.take()
        {
            let reason = error.to_string();
            self.say_close(error.close_code(), &reason, Parting::Refused, worker, time);
        }
    }

    /// Decodes what it can, and returns the rest.
    fn decode<'a>(
        &mut self,
        socket: &mut Socket,
        mut input: &'a mut [u8],
        worker: &mut Worker,
        time: Time,
    ) -> &'a [u8] {
        let limits = ws_frame::Limits {
            message_bytes_max: u64::try_from(socket.message_bytes_max).unwrap_or(u64::MAX),
            ..ws_frame::Limits::default()
        };
        // While it is taken out, the connection does not see what it waits for.
        while socket.unanswered.is_none() && self.wants_input(worker) {
            match socket.decoder.decode(&mut input, &limits) {
                Ok(Some(event)) => self.handle_event(event, socket, worker, time),
                Ok(None) => break,
                Err(error) if self.phase == Phase::Open => {
                    socket.broken = Some(error);
                    socket.message = Vec::new();
                    self.close_broken(socket, worker, time);
                    return &[];
                }
                // A close has been said, or came; whatever follows is of no interest.
                Err(_) => return &[],
            }
        }
        input
    }

    fn handle_event(
        &mut self,
        event: Event<'_>,
        socket: &mut Socket,
        worker: &mut Worker,
        time: Time,
    ) {
        match event {
            Event::Close(close) => self.handle_close(close),
            _ if self.phase != Phase::Open => {}
            Event::Text(text) => self.handle_text(text, socket, worker, time),
            Event::Binary(bytes) => self.handle_binary(bytes, socket, worker, time),
            Event::Piece(piece) => self.handle_piece(piece, socket, worker, time),
            // A ping's payload always fits a pong.
            Event::Ping(payload) => {
                let before = self.replies.len();
                ws_frame::encode_pong(payload, None, &mut self.replies).unwrap_or_default();
                self.unseen_bytes += self.replies.len() - before;
            }
            Event::Pong(_) => {}
        }
    }

    fn handle_close(&mut self, close: Option<Close<'_>>) {
        match self.phase {
            Phase::Open => {
                let echo = close.map(|Close { code, .. }| Close { code, reason: "" });
                ws_frame::encode_close(echo, None, &mut self.replies).unwrap_or_default();
                self.phase = Phase::Flushing(Parting::Left);
            }
            Phase::Closing { parting, .. } => self.phase = Phase::Flushing(parting),
            Phase::Flushing(_) | Phase::Ended(_) => {}
        }
    }

    fn handle_piece(
        &mut self,
        piece: Piece<'_>,
        socket: &mut Socket,
        worker: &mut Worker,
        time: Time,
    ) {
        let Piece { kind, part, payload, .. } = piece;
        socket.keep(payload);
        if !part.ends() {
            return;
        }
        let message = mem::take(&mut socket.message);
        match (kind, String::from_utf8(message)) {
            (Kind::Text, Ok(text)) => self.handle_text(&text, socket, worker, time),
            (Kind::Text, Err(_)) => {
                let reason = "text is not UTF-8";
                self.say_close(CloseCode::INVALID_PAYLOAD, reason, Parting::Refused, worker, time);
            }
            (Kind::Binary, Ok(text)) => {
                self.handle_binary(text.as_bytes(), socket, worker, time);
            }
            (Kind::Binary, Err(error)) => {
                self.handle_binary(error.as_bytes(), socket, worker, time);
            }
        }
    }

    fn handle_text(&mut self, text: &str, socket: &mut Socket, worker: &mut Worker, time: Time) {
        match socket.dialect {
            Dialect::Tidewire => self.handle_request(text, socket, worker, time),
            Dialect::Raw | Dialect::Json => {
                self.publish_raw(Content::Text(text.into()), socket, worker, time);
            }
        }
    }

    fn handle_binary(&mut self, bytes: &[u8], socket: &mut Socket, worker: &Worker, time: Time) {
        match socket.dialect {
            Dialect::Tidewire => {
                let reason = "tidewire.v1 is spoken in text frames";
                let code = CloseCode::UNSUPPORTED_DATA;
                self.say_close(code, reason, Parting::Refused, worker, time);
            }
            Dialect::Raw | Dialect::Json => {
                self.publish_raw(Content::Binary(bytes.into()), socket, worker, time);
            }
        }
    }

    fn publish_raw(&mut self, content: Content, socket: &mut Socket, worker: &Worker, time: Time) {
        let permit = match &socket.publish_to {
            Some(channel) => socket.grant.permit(channel).map_err(|forbidden| match forbidden {
                Forbidden::SystemChannel { .. } => "this channel is the system's",
                Forbidden::Publishing { .. } | Forbidden::Joining { .. } => {
                    "this connection may only read"
                }
            }),
            None => Err("to publish, follow one channel, or speak tidewire.v1"),
        };
        match permit {
            Ok(permit) => {
                let draft = Draft::new(content);
                socket.queue(Publish { id: None, permit, draft });
                socket.echo.unanswered += 1;
            }
            Err(reason) => {
                let code = CloseCode::POLICY_VIOLATION;
                self.say_close(code, reason, Parting::Refused, worker, time);
            }
        }
    }
}
