//! How much of a rate each of many parties has used: the generic cell rate algorithm, in bounded memory.
//!
//! A party is one number, the time at which all that it has used is available again. A party whose time has passed is as good
//! as one that was never there, so it may be forgotten. Where more parties than [`PARTIES_MAX`] are remembered, as in a flood from
//! many addresses, new ones share a number of places, by their hash: they are limited together, and nobody is unlimited.
//!
//! Not the crate `governor`, which has the same arithmetic: its keyed state has no bound, it reads the clock itself, its quota
//! cannot be replaced while its state stays, and one publish has to be checked against several limits before it counts in any.

use super::rate::Rate;
use std::{
    collections::HashMap,
    hash::{BuildHasher as _, Hash, RandomState},
};

/// What parties of one kind have used. Times are those of a steady clock, in nanoseconds.
#[derive(Debug)]
pub(super) struct Buckets<K> {
    /// When all that a party has used is available again.
    free_at: HashMap<K, u64>,
    /// The same of those that share a place.
    shared: Box<[u64]>,
    hasher: RandomState,
    parties_max: usize,
    /// The number of parties at which those whose time has passed are forgotten next, ≤ `parties_max`.
    swept_at: usize,
    /// Before this time a full table is not swept again: it takes time by its size.
    next_sweep_ns: u64,
}

/// How long to wait for a rate, in milliseconds; at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait(pub(super) u64);

impl<K: Eq + Hash> Buckets<K> {
    pub(super) fn new() -> Self {
        Self::of(PARTIES_MAX)
    }

    fn of(parties_max: usize) -> Self {
        Self {
            free_at: HashMap::new(),
            shared: vec![0; SHARED_PLACES].into_boxed_slice(),
            hasher: RandomState::new(),
            parties_max,
            swept_at: PARTIES_MIN.min(parties_max),
            next_sweep_ns: 0,
        }
    }

    /// Whether `party` may use one more of `rate`. Nothing is used.
    ///
    /// # Errors
    ///
    /// It has used all: the time after which one is available.
    pub(super) fn check(&self, party: &K, rate: Rate, now_ns: u64) -> Result<(), Wait> {
        let free_at = self.free_at.get(party).copied();
        let is_sharing = free_at.is_none() && self.free_at.len() >= self.parties_max;
        let free_at = match is_sharing {
            true => self.shared.get(self.place(party)).copied(),
            false => free_at,
        };
        let after = free_at.unwrap_or(0).max(now_ns).saturating_add(rate.interval_ns());
        match after.saturating_sub(now_ns).checked_sub(burst_ns(rate)) {
            None | Some(0) => Ok(()),
            Some(wait_ns) => Err(Wait(wait_ns.div_ceil(1_000_000))),
        }
    }

    /// Has `party` use one of `rate`, also if there is none left.
    pub(super) fn use_one(&mut self, party: K, rate: Rate, now_ns: u64) {
        self.sweep(now_ns);
        let is_full = self.free_at.len() >= self.parties_max;
        let place = self.place(&party);
        let free_at = match (self.free_at.get_mut(&party), is_full) {
            (Some(free_at), _) => Some(free_at),
            (None, true) => self.shared.get_mut(place),
            (None, false) => Some(self.free_at.entry(party).or_insert(0)),
        };
        if let Some(free_at) = free_at {
            *free_at = (*free_at).max(now_ns).saturating_add(rate.interval_ns());
        }
    }

    /// Has `rate` be the one from now on: nobody has used more of it than there is. Under a slower one they may have used
    /// what takes an hour to become available.
    pub(super) fn change_rate(&mut self, rate: Rate, now_ns: u64) {
        let latest = now_ns.saturating_add(burst_ns(rate));
        for free_at in self.free_at.values_mut().chain(&mut self.shared) {
            *free_at = latest.min(*free_at);
        }
    }

    /// How many parties are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.free_at.len()
    }

    /// Forgets parties whose time has passed, if there are many.
    fn sweep(&mut self, now_ns: u64) {
        if self.free_at.len() < self.swept_at || now_ns < self.next_sweep_ns {
            return;
        }
        self.free_at.retain(|_, free_at| *free_at > now_ns);
        // Twice what is left, so that looking costs each new one a constant; a full table is looked through once a second.
        self.swept_at =
            (self.free_at.len() * 2).clamp(PARTIES_MIN.min(self.parties_max), self.parties_max);
        if self.free_at.len() >= self.parties_max / 2 {
            self.next_sweep_ns = now_ns.saturating_add(SWEEP_INTERVAL_NS);
        } else {
            self.free_at.shrink_to(self.swept_at);
        }
    }

    /// Where a party is that shares a place.
    fn place(&self, party: &K) -> usize {
        let hash = self.hasher.hash_one(party);
        usize::try_from(hash % SHARED_PLACES_U64).unwrap_or(0)
    }
}

/// The time that a burst takes to become available. Rounding of the interval would refuse the last one of it.
fn burst_ns(rate: Rate) -> u64 {
    rate.period_ns().max(rate.interval_ns())
}

/// Some megabytes for each limit; more addresses than this at a time are a flood.
pub(super) const PARTIES_MAX: usize = 65_536;

/// Fewer than this are never looked through.
const PARTIES_MIN: usize = 1_024;

/// Enough that a flood meets few of the others.
const SHARED_PLACES: usize = 1_024;
const SHARED_PLACES_U64: u64 = 1_024;

const SWEEP_INTERVAL_NS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    /// Uses one if it may.
    fn takes<K: Eq + Hash + Copy>(
        buckets: &mut Buckets<K>,
        party: K,
        rate: Rate,
        now_ns: u64,
    ) -> bool {
        let may = buckets.check(&party, rate, now_ns).is_ok();
        if may {
            buckets.use_one(party, rate, now_ns);
        }
        may
    }

    #[test]
    fn a_party_may_use_all_at_once_and_then_each_after_its_share_of_the_period() {
        let (mut buckets, rate) = (Buckets::new(), rate("10/s"));
        let now = 5 * SECOND;
        assert_eq!((0..20).filter(|_| takes(&mut buckets, 'a', rate, now)).count(), 10);
        assert_eq!(buckets.check(&'a', rate, now), Err(Wait(100)));
        assert_eq!(buckets.check(&'a', rate, now + SECOND / 10 - 1), Err(Wait(1)));
        assert!(takes(&mut buckets, 'a', rate, now + SECOND / 10));
        assert!(!takes(&mut buckets, 'a', rate, now + SECOND / 10));
        assert!(takes(&mut buckets, 'b', rate, now));
        let later = now + 2 * SECOND;
        assert_eq!((0..20).filter(|_| takes(&mut buckets, 'a', rate, later)).count(), 10);
    }

    /// Of whatever is tried, no window has more than the rate allows for its length and one burst; and who keeps to the
    /// rate is never refused.
    #[test]
    fn no_window_of_time_has_more_than_the_rate_and_one_burst() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..50 {
            let count = random.u32(1..50);
            let rate = rate(&format!("{count}/s"));
            let (mut buckets, mut now, mut taken) = (Buckets::new(), 0, Vec::new());
            for _ in 0..400 {
                now += random.u64(0..SECOND / u64::from(count));
                if takes(&mut buckets, (), rate, now) {
                    taken.push(now);
                }
            }
            for (at, from) in taken.iter().enumerate() {
                for (number, to) in taken.iter().enumerate().skip(at) {
                    let allowed = u64::from(count) + (to - from) / (SECOND / u64::from(count));
                    assert!(u64::try_from(number - at).unwrap() < allowed + 1, "{count}/s");
                }
            }
            let steady = (0..400).map(|number| number * (SECOND / u64::from(count) + 1));
            let mut buckets = Buckets::new();
            assert!(steady.into_iter().all(|now| takes(&mut buckets, (), rate, now)), "{count}/s");
        }
    }

    #[test]
    fn a_flood_of_parties_takes_bounded_memory_and_is_limited_all_the_same() {
        let (mut buckets, rate) = (Buckets::of(2_000), rate("1/h"));
        let flood = (0..100_000_u32).filter(|party| takes(&mut buckets, *party, rate, 1)).count();
        assert_eq!(buckets.len(), 2_000);
        // Each that is remembered had one, and each shared place.
        assert_eq!(flood, 2_000 + SHARED_PLACES);
        assert!(
            !takes(&mut buckets, 0, rate, 2),
            "one that was there before the flood is forgotten"
        );
        // Once their time has passed, all are forgotten.
        let later = 3_601 * SECOND;
        assert!(takes(&mut buckets, 7, rate, later));
        assert_eq!(buckets.len(), 1);
    }

    #[test]
    fn another_rate_counts_at_once_and_what_was_used_stays_used() {
        let mut buckets = Buckets::new();
        assert_eq!((0..20).filter(|_| takes(&mut buckets, (), rate("10/s"), 0)).count(), 10);
        assert!(!takes(&mut buckets, (), rate("10/s"), 0));
        // Ten a minute have not used up a burst of a minute.
        assert!(takes(&mut buckets, (), rate("10/m"), 0));
        assert!(!takes(&mut buckets, (), rate("1/s"), 0));
    }

    #[test]
    fn what_was_used_under_a_slow_rate_is_available_as_soon_as_under_the_new_one() {
        // Of more parties than are remembered, so that some share a place.
        let mut buckets = Buckets::of(2);
        let (slow, fast, now) = (rate("1000/h"), rate("100/s"), 5 * SECOND);
        for party in ['a', 'b', 'c'] {
            assert_eq!((0..2_000).filter(|_| takes(&mut buckets, party, slow, now)).count(), 1_000);
        }
        buckets.change_rate(fast, now);
        for party in ['a', 'b', 'c'] {
            assert_eq!(buckets.check(&party, fast, now), Err(Wait(10)), "{party}");
            assert!(takes(&mut buckets, party, fast, now + SECOND / 100), "{party}");
        }
        let later = now + 2 * SECOND;
        for party in ['a', 'b', 'c'] {
            assert_eq!((0..200).filter(|_| takes(&mut buckets, party, fast, later)).count(), 100);
        }
        // For a slower one nothing is forgotten.
        buckets.change_rate(slow, later);
        assert_eq!(buckets.check(&'a', fast, later), Err(Wait(10)));
    }
}
