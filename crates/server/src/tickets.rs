//! One-use tickets: random texts that stand for a token for half a minute and one connection.
//!
//! An `EventSource` can set no header, and what is in a URL ends up in logs. So a page asks for a ticket with its token,
//! and puts the ticket into the URL: somebody who reads it there later finds it used or expired.
//!
//! Time and randomness are parameters. What is stored is bounded: in all, and for each subject.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

/// Tickets that are neither used nor expired, and what each stands for.
pub(crate) struct Tickets<T> {
    live: HashMap<Key, Stored<T>>,
    /// The same, the oldest first.
    by_expiry: BTreeSet<(u64, Key)>,
    /// How many of them each subject has, at least one; those without a subject count together.
    by_subject: HashMap<Option<Box<str>>, usize>,
    bounds: Bounds,
}

/// Without the tickets, which are secrets.
impl<T> fmt::Debug for Tickets<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Tickets({})", self.live.len())
    }
}

/// How many tickets there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// In all.
    pub(crate) tickets_max: usize,
    /// Of one subject.
    pub(crate) subject_tickets_max: usize,
    /// Of everybody whose token has no subject.
    pub(crate) nameless_tickets_max: usize,
}

type Key = [u8; TICKET_BYTES];

struct Stored<T> {
    subject: Option<Box<str>>,
    expires_ms: u64,
    holder: T,
}

/// There are as many tickets as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooManyTickets {
    /// Of this subject.
    #[error(
        "the subject of this token has {max} unused tickets, and may have no more; a ticket expires {} s \
         after it was issued",
        TICKET_LIFE_MS / 1_000
    )]
    OfSubject {
        /// How many it may have.
        max: usize,
    },
    /// Of everybody.
    #[error(
        "the server has issued {max} tickets that are not used yet, and issues no more; try again in a moment"
    )]
    InAll {
        /// How many there may be.
        max: usize,
    },
}

impl<T> Tickets<T> {
    /// None yet.
    pub(crate) fn new(bounds: Bounds) -> Self {
        let (live, by_expiry) = (HashMap::new(), BTreeSet::new());
        Self { live, by_expiry, by_subject: HashMap::new(), bounds }
    }

    /// Issues a ticket that stands for `holder` until [`TICKET_LIFE_MS`] after `now_ms`, on the steady clock.
    ///
    /// `random` has to be from the system's generator: it is the ticket.
    ///
    /// # Errors
    ///
    /// The subject, or everybody together, has as many as there may be.
    pub(crate) fn issue(
        &mut self,
        holder: T,
        subject: Option<&str>,
        random: [u8; TICKET_BYTES],
        now_ms: u64,
    ) -> Result<String, TooManyTickets> {
        self.remove_expired(now_ms);
        let Bounds { tickets_max, subject_tickets_max, nameless_tickets_max } = self.bounds;
        let subject: Option<Box<str>> = subject.map(Into::into);
        let max = if subject.is_some() { subject_tickets_max } else { nameless_tickets_max };
        if self.by_subject.get(&subject).is_some_and(|count| *count >= max) {
            return Err(TooManyTickets::OfSubject { max });
        }
        if self.live.len() >= tickets_max {
            return Err(TooManyTickets::InAll { max: tickets_max });
        }
        let expires_ms = now_ms.saturating_add(TICKET_LIFE_MS);
        *self.by_subject.entry(subject.clone()).or_default() += 1;
        self.live.insert(random, Stored { subject, expires_ms, holder });
        self.by_expiry.insert((expires_ms, random));
        self.check();
        Ok(BASE64_URL_SAFE_NO_PAD.encode(random))
    }

    /// What `ticket` stands for, as long as it is not used.
    pub(crate) fn holder(&mut self, ticket: &str, now_ms: u64) -> Option<&T> {
        self.remove_expired(now_ms);
        self.live.get(&parse(ticket)?).map(|stored| &stored.holder)
    }

    /// Gives out what `ticket` stands for, once: `None` if it was used before, has expired, or never was one.
    pub(crate) fn redeem(&mut self, ticket: &str, now_ms: u64) -> Option<T> {
        self.remove_expired(now_ms);
        self.remove(&parse(ticket)?)
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.live.len()
    }

    fn remove_expired(&mut self, now_ms: u64) {
        while let Some((expires_ms, key)) = self.by_expiry.first().copied()
            && expires_ms <= now_ms
        {
            self.remove(&key);
        }
    }

    fn remove(&mut self, key: &Key) -> Option<T> {
        let Stored { subject, expires_ms, holder } = self.live.remove(key)?;
        self.by_expiry.remove(&(expires_ms, *key));
        if let Some(count) = self.by_subject.get_mut(&subject) {
            *count -= 1;
            if *count == 0 {
                self.by_subject.remove(&subject);
            }
        }
        self.check();
        Some(holder)
    }

    fn check(&self) {
        debug_assert_eq!(self.live.len(), self.by_expiry.len());
        debug_assert!(
            self.live.len() > 64 || self.by_subject.values().sum::<usize>() == self.live.len()
        );
    }
}

fn parse(ticket: &str) -> Option<Key> {
    let mut key = [0; TICKET_BYTES];
    let decoded = BASE64_URL_SAFE_NO_PAD.decode_slice(ticket, &mut key);
    (decoded == Ok(TICKET_BYTES)).then_some(key)
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            // Some hundred bytes each, so a few megabytes; a page that loads takes one, and uses it at once.
            tickets_max: 10_000,
            subject_tickets_max: 100,
            nameless_tickets_max: 5_000,
        }
    }
}

/// How long a ticket is good for: a page uses it at once, also over a slow link.
pub(crate) const TICKET_LIFE_MS: u64 = 30_000;

/// As many as nobody can guess.
pub(crate) const TICKET_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Barrier, Mutex};

    const BOUNDS: Bounds =
        Bounds { tickets_max: 5, subject_tickets_max: 2, nameless_tickets_max: 3 };

    fn random(number: u8) -> [u8; TICKET_BYTES] {
        [number; TICKET_BYTES]
    }

    #[test]
    fn a_ticket_is_good_for_half_a_minute_and_once() {
        let mut tickets = Tickets::new(BOUNDS);
        let used = tickets.issue("a", Some("u"), random(1), 5).unwrap();
        let late = tickets.issue("b", Some("u"), random(2), 5).unwrap();
        assert_eq!((&*used, used.len()), ("AQEBAQEBAQEBAQEBAQEBAQ", 22));
        assert_eq!(tickets.holder(&used, 30_004), Some(&"a"), "looking does not use it up");
        assert_eq!(tickets.redeem(&used, 30_004), Some("a"));
        assert_eq!(tickets.holder(&used, 30_004), None);
        assert_eq!(tickets.redeem(&used, 30_004), None);
        assert_eq!(tickets.redeem(&late, 30_005), None);
        assert_eq!(tickets.len(), 0);
    }

    #[test]
    fn what_is_no_ticket_stands_for_nothing() {
        let mut tickets = Tickets::new(BOUNDS);
        let ticket = tickets.issue((), Some("u"), random(1), 5).unwrap();
        for text in [
            "",
            "x",
            &ticket[..21],
            &format!("{ticket}A"),
            &format!("{ticket}=="),
            "\u{e9}",
            &"A".repeat(1 << 20),
        ] {
            assert_eq!(tickets.redeem(text, 5), None, "{text:.30}");
        }
        assert_eq!(tickets.redeem(&ticket, 5), Some(()));
    }

    #[test]
    fn a_subject_and_all_subjects_together_have_a_limit() {
        let mut tickets = Tickets::new(BOUNDS);
        let mut number = 0;
        let mut issue = |tickets: &mut Tickets<()>, subject, now_ms| {
            number += 1;
            tickets.issue((), subject, random(number), now_ms)
        };
        let first = issue(&mut tickets, Some("u"), 5).unwrap();
        issue(&mut tickets, Some("u"), 6).unwrap();
        let refused = issue(&mut tickets, Some("u"), 7).unwrap_err();
        assert_eq!(refused, TooManyTickets::OfSubject { max: 2 });
        assert!(refused.to_string().contains("expires 30 s after"), "{refused}");
        (0..3).for_each(|_| drop(issue(&mut tickets, None, 7).unwrap()));
        assert_eq!(issue(&mut tickets, None, 7), Err(TooManyTickets::OfSubject { max: 3 }));
        assert_eq!(issue(&mut tickets, Some("v"), 7), Err(TooManyTickets::InAll { max: 5 }));
        // A used one makes room, and so does an expired one.
        tickets.redeem(&first, 8).unwrap();
        issue(&mut tickets, Some("u"), 8).unwrap();
        assert!(issue(&mut tickets, Some("u"), 8).is_err());
        issue(&mut tickets, Some("u"), 30_006).unwrap();
    }

    #[test]
    fn of_many_who_use_a_ticket_at_once_one_gets_in() {
        for round in 0..50 {
            let mut tickets = Tickets::new(BOUNDS);
            let ticket = tickets.issue((), Some("u"), random(round), 5).unwrap();
            let (tickets, barrier) = (Arc::new(Mutex::new(tickets)), Arc::new(Barrier::new(8)));
            let users = [(); 8].map(|()| {
                let (tickets, barrier, ticket) =
                    (Arc::clone(&tickets), Arc::clone(&barrier), ticket.clone());
                std::thread::spawn(move || {
                    barrier.wait();
                    tickets.lock().unwrap().redeem(&ticket, 6).is_some()
                })
            });
            let admitted =
                users.map(|user| usize::from(user.join().unwrap())).iter().sum::<usize>();
            assert_eq!(admitted, 1);
        }
    }
}
