//! The round of those whose time is over: old messages, values, ids, and channels nobody misses.

use crate::{
    Broker, Label,
    broker::{Shared, SweepProgress},
    channel::Channel,
};
use std::{
    ops::ControlFlow,
    sync::{Arc, PoisonError, atomic::Ordering},
};

impl Broker {
    /// Applies the age limits to the next `channels_max` channels, or an eighth of all if that is
    /// more, and forgets dead ones in excess.
    ///
    /// Meant to be called about once a second. It holds no lock for more than some hundred channels, so publishers and
    /// readers need not wait for all of them.
    pub fn sweep(&self, now_ms: u64, channels_max: usize) {
        let mut sweep = self.shared.sweep.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left = channels_max.max(self.shared.registry.places() / 8);
        while left > 0 {
            let count = left.min(SLICE_CHANNELS);
            if self.sweep_slice(&mut sweep, now_ms, count).is_break() {
                return;
            }
            left -= count;
        }
    }

    /// Sweeps the next `count` channels, and says whether these were the last ones.
    fn sweep_slice(&self, sweep: &mut SweepProgress, now_ms: u64, count: usize) -> ControlFlow<()> {
        let shared = &*self.shared;
        let from = sweep.from;
        let (mut dead, mut expired) = (0, Vec::new());
        let next = shared.registry.scan_slice(from, count, &mut |channel| {
            shared.retain(channel, now_ms);
            channel.forget_ids(shared, now_ms);
            expired.extend(channel.expired(shared, now_ms));
            let is_followed = channel.followed.load(Ordering::Relaxed) != 0;
            dead += usize::from(!is_followed && channel.ring().is_empty());
        });
        for Expired { channel, key, offset } in expired {
            self.expire(&channel, key, offset, now_ms);
        }
        sweep.dead += dead;
        let excess = sweep.dead.saturating_sub(shared.limits.dead_channels_max).min(dead);
        if excess > 0 {
            shared.registry.forget_dead(from, from + count, excess, shared.stamp());
        }
        match next {
            ControlFlow::Continue(next) => {
                sweep.from = next;
                ControlFlow::Continue(())
            }
            ControlFlow::Break(()) => {
                if sweep.dead > shared.limits.dead_channels_max {
                    // Those filed for eviction are held; the next round finds them free.
                    shared.drop_empty();
                }
                *sweep = SweepProgress::default();
                ControlFlow::Break(())
            }
        }
    }
}

impl Channel {
    /// Values that nothing has renewed for too long, the oldest first.
    fn expired(self: &Arc<Self>, shared: &Shared, now_ms: u64) -> Vec<Expired> {
        let age_max_ms = self.options().compaction.and_then(|compaction| compaction.age_max_ms);
        let Some(age_max_ms) = age_max_ms.filter(|_| shared.keeps(self)) else { return Vec::new() };
        let ring = self.ring();
        let old = ring.iter_after(0).take_while(|message| message.is_older(age_max_ms, now_ms));
        let values = old.filter(|message| !message.content().is_nothing());
        let expired = values.filter_map(|message| {
            let key = message.key()?.parse().ok()?;
            Some(Expired { channel: Arc::clone(self), key, offset: message.offset() })
        });
        expired.take(EXPIRED_MAX).collect()
    }

    fn forget_ids(&self, shared: &Shared, now_ms: u64) {
        let mut append_state = self.append_state();
        let Some(ids) = &mut append_state.dedup_window else { return };
        let forgotten = ids.forget(&self.options().repeats, now_ms);
        shared.ids.fetch_sub(forgotten.len(), Ordering::Relaxed);
        if ids.is_empty() {
            append_state.dedup_window = None;
        }
    }
}

/// A value to be removed by a tombstone, if it still is what its key holds.
struct Expired {
    channel: Arc<Channel>,
    key: Label,
    offset: u64,
}

/// Channels visited under one hold of the registry's lock.
const SLICE_CHANNELS: usize = 256;

/// Values of one channel removed in one round: each is a message of its own.
const EXPIRED_MAX: usize = 1_000;

#[cfg(test)]
mod tests {
    use crate::{Broker, Compaction, Content, Draft, Limits, Options, Permit, Retention, Rules};

    #[test]
    fn a_channel_whose_keys_are_gone_keeps_no_room_for_them() {
        let compaction = Some(Compaction::default());
        let rules = Rules::all(Options { compaction, ..Options::default() });
        let broker = Broker::new(7, Limits { rules, ..Limits::default() });
        for content in [Content::Text("x".into()), Content::Nothing] {
            let permit = Permit::of_system("a".parse().unwrap());
            let draft = Draft { key: Some("k".parse().unwrap()), ..Draft::new(content) };
            broker.append(permit, draft, 0).unwrap();
        }
        let has_keys = || broker.shared.registry.find("a").unwrap().append_state().keys.is_some();
        assert!(has_keys());
        broker.sweep(3_600_000, 10);
        assert!(!has_keys());
    }

    #[test]
    fn a_sweep_comes_to_all_channels_and_forgets_dead_ones_though_it_takes_some_at_a_time() {
        let retention = Retention { age_max_ms: 10, ..Retention::default() };
        let rules = Rules::keeping(retention);
        let broker = Broker::new(7, Limits { rules, dead_channels_max: 5, ..Limits::default() });
        for n in 0..1_000 {
            let permit = Permit::of_system(format!("a.{n}").parse().unwrap());
            broker.append(permit, Draft::new(Content::Text("x".into())), 0).unwrap();
        }
        broker.sweep(3_600_000, 1_000);
        assert_eq!(broker.stats().bytes, 0);
        broker.sweep(3_600_000, 1_000);
        assert_eq!(broker.stats().channels, 5);
    }
}
