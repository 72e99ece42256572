//! What a client asks for over `tidewire.v1`.

use super::Client;
use crate::simulation::{checkers::Follow, membership::late_user, pages::PageAsk};
use fastrand::Rng;
use std::time::Duration;
use tidewire_protocol::{ClientMessage, Position, Since, Subscribe, Token};
use ws_frame::Kind;

/// A request of `tidewire.v1`.
#[derive(Debug)]
pub(crate) enum Ask {
    Subscribe(Follow),
    Unsubscribe(String),
    /// The serial of what was published.
    Publish(u64),
    History(PageAsk),
    /// The members, or the joins and leaves since a position.
    Presence {
        channel: String,
        since: Option<Position>,
    },
    /// Another grant: one that ends after that many milliseconds, or none at all.
    Token(Option<u64>),
    /// Anything that has to be refused.
    Nonsense,
}

impl Client {
    /// Whether it may ask for a pattern: neither followed nor asked for.
    pub(crate) fn is_free(&self, pattern: &str) -> bool {
        let is_it = |follow: &Follow| follow.pattern == pattern;
        !self.follower.follows.iter().any(is_it)
            && !self.asks.values().any(|ask| match ask {
                Ask::Subscribe(follow) => is_it(follow),
                Ask::Unsubscribe(asked) => asked == pattern,
                _ => false,
            })
    }

    /// Sends a request, and waits for its answer under the number that `request` is given.
    pub(crate) fn ask(&mut self, ask: Ask, rng: &mut Rng, request: impl FnOnce(u64) -> String) {
        self.asked += 1;
        self.say(Kind::Text, request(self.asked).as_bytes(), rng);
        self.asks.insert(self.asked, ask);
    }

    /// Asks for a subscription, from its place or as it was first meant.
    pub(crate) fn subscribe(&mut self, mut follow: Follow, rng: &mut Rng) {
        follow.reconnect();
        let since = match (follow.bookmark(), &self.program) {
            (Some(place), _) => Some(place.into()),
            (None, Some(program)) => Some(program.since),
            (None, None) => follow.from_earliest.then(|| past(rng)),
        };
        let channel = follow.pattern.clone();
        self.ask(Ask::Subscribe(follow), rng, |id| {
            let since = since.map(|since| since.to_string().into());
            let (channel, user) = (channel.into(), late_user(id).map(Into::into));
            let subscribe = Subscribe { id, channel, since, user, ..Subscribe::default() };
            spell(&ClientMessage::Subscribe(subscribe))
        });
    }
}

impl Client {
    /// Shows a token, now and then one that is refused.
    pub(crate) fn renew(&mut self, rng: &mut Rng) {
        let left_ms = (rng.u8(..4) > 0).then(|| rng.u64(100..4_000));
        let token = left_ms.map_or_else(|| "forged".to_owned(), |left_ms| left_ms.to_string());
        self.ask(Ask::Token(left_ms), rng, |id| {
            spell(&ClientMessage::Token(Token { id: Some(id), token: token.into() }))
        });
    }
}

/// A request as text.
pub(crate) fn spell(message: &ClientMessage<'_>) -> String {
    let mut json = Vec::new();
    message.write_json(&mut json);
    String::from_utf8_lossy(&json).into_owned()
}

/// Where somebody may begin who wants what was published before.
pub(crate) fn past(rng: &mut Rng) -> Since {
    if rng.bool() { Since::Earliest } else { Since::Ago(Duration::from_millis(rng.u64(0..3_000))) }
}
