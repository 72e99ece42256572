//! What has to be true of a whole broker while nothing else uses it: for the simulation, after every step.
//!
//! Each part has a `check` of its own beside its data, which debug builds run at the end of each change. Here they
//! run together, with the sums that no part can see.

use crate::Broker;
use std::sync::atomic::Ordering;

impl Broker {
    /// Checks that everything it holds agrees, if no other thread uses it meanwhile. O(messages held).
    ///
    /// # Panics
    ///
    /// It does not agree.
    #[doc(hidden)]
    pub fn check(&self) {
        let (shared, head) = (&*self.shared, self.head());
        let (mut messages, mut bytes, mut state_bytes, mut ids) = (0, 0, 0, 0);
        shared.registry.scan(|channel| {
            let (ring, append_state) = (channel.ring(), channel.append_state());
            ring.check();
            assert!(ring.newest().is_none_or(|newest| newest <= channel.last()), "newest message");
            assert!(channel.last() <= head, "{} is ahead of the head", channel.name());
            let keeps = shared.keeps(channel);
            let cost = ring.iter_after(0).map(|message| match keeps {
                true => message.cost_bytes(),
                false => message.held_bytes(),
            });
            bytes += cost.sum::<usize>();
            messages += ring.iter_after(0).count();
            if let Some(keys) = append_state.keys.as_ref() {
                keys.check();
                state_bytes += keys.bytes();
            }
            ids += append_state.dedup_window.as_ref().map_or(0, |window| window.len());
        });
        assert_eq!(messages, shared.gauge.messages(), "messages in all channels");
        assert_eq!(bytes, shared.gauge.bytes(), "bytes of all messages");
        assert_eq!(state_bytes, shared.state.bytes(), "bytes of all keys");
        assert_eq!(ids, shared.ids.load(Ordering::Relaxed), "ids of all channels");
        shared.presence_buffer.check();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Content, Draft, Limits, Permit};

    fn broker() -> Broker {
        let broker = Broker::new(1, Limits::default());
        let id = Some("i".parse().unwrap());
        let draft = Draft { id, ..Draft::new(Content::Text("x".into())) };
        broker.append(Permit::of_system("a".parse().unwrap()), draft, 0).unwrap();
        broker.check();
        broker
    }

    #[test]
    #[should_panic(expected = "bytes of all messages")]
    fn a_gauge_that_counts_wrongly_is_noticed() {
        let broker = broker();
        broker.shared.gauge.add(1);
        broker.check();
    }

    #[test]
    #[should_panic(expected = "messages in all channels")]
    fn messages_that_are_counted_wrongly_are_noticed() {
        let broker = broker();
        broker.shared.gauge.add_message(0);
        broker.check();
    }

    #[test]
    #[should_panic(expected = "ids of all channels")]
    fn ids_that_are_counted_wrongly_are_noticed() {
        let broker = broker();
        broker.shared.ids.fetch_add(1, Ordering::Relaxed);
        broker.check();
    }

    #[test]
    #[should_panic(expected = "a is ahead of the head")]
    fn a_channel_ahead_of_the_head_is_noticed() {
        let broker = broker();
        broker.shared.registry.find("a").unwrap().set_last(2);
        broker.check();
    }
}
