//! A cursor: a place in the log, what it follows from there, and where news may be.
//!
//! ```text
//!                 a pattern is followed, or two cursors met
//!   Scan, Walk ◄─────────────────────────────────────────────┐
//!         │ │ the registry is scanned, over turns: Scanning  │ it has more behind its horizon
//!     the │ ▼                                                │
//!     log │ Listed ──────────────────────────────────────────┤
//!      is │ ▲ │ read up to its horizon                       │
//!  walked │ │ │                                              │
//!         ▼ │ ▼ a lane                                       │
//!       Quiet ───────────────────────────────────────────────┘
//! ```

use crate::{
    ChannelName, Item, Message, News, Pattern, PatternMap, SlowReaders,
    channel::Channel,
    listing::Listing,
    news::Whereabouts,
    ring::{LossWatermark, LossWatermarks},
    scanning::Scanning,
};
use smallvec::SmallVec;
use std::{collections::HashMap, num::NonZeroU64, sync::Arc};

/// Everything its follows select, up to and including `after`, has been handed over.
#[derive(Debug)]
pub(crate) struct Cursor {
    pub(crate) after: u64,
    pub(crate) follows: Follows,
    pub(crate) wild: Wild,
    /// Whether one of its patterns has wildcards.
    has_wild: bool,
    /// What an archive has said of channels that it merges. Boxed, as most readers ask none.
    pub(crate) ahead: Option<Box<Ahead>>,
}

/// By the address of a channel, the offset of its next message, or one that is not beyond it.
///
/// To merge channels takes the next offset of all of them. It is kept, so that what has been read of one
/// need not still be at hand when the last of them is: each wait brings a reader further.
pub(crate) type Ahead = HashMap<usize, (Arc<Channel>, u64)>;

/// What a cursor follows: mostly one pattern, which then takes no allocation.
pub(crate) type Follows = SmallVec<[Follow; 1]>;

/// One pattern that a cursor follows, and what of it has been delivered or reported already.
#[derive(Debug)]
pub(crate) struct Follow {
    pub(crate) pattern: Pattern,
    /// The channel, where the pattern has no wildcard.
    pub(crate) channel: Option<Arc<Channel>>,
    /// It was followed after this offset: everything from here up to the cursor has been delivered.
    pub(crate) start: u64,
    /// What retention had removed when this eviction count was reached is not owed.
    pub(crate) stamp: u64,
    /// A gap up to here has been reported.
    pub(crate) reported_to: u64,
    /// The eviction count when it was first read: what was lost later was lost to a slow reader.
    pub(crate) begun: Option<NonZeroU64>,
    /// Tombstones up to here remove nothing that this reader has been given: their loss is no gap.
    pub(crate) fresh: u64,
    /// It began with the state of this moment, ≤ `fresh`: tombstones up to here are passed over.
    pub(crate) state: u64,
}

/// Where the channels with news are, among those that patterns with wildcards select.
///
/// Channels followed by name are few and are simply looked at.
#[derive(Debug, PartialEq)]
pub(crate) enum Wild {
    /// Nowhere.
    Quiet,
    /// In these. Boxed, as most readers follow no wildcard.
    Listed(Box<Listing>),
    /// Anywhere: the channels are scanned, or the log is walked where they are many.
    Scan,
    /// Anywhere: some of the channels have been scanned, and the others come in later turns.
    Scanning(Box<Scanning>),
    /// Anywhere after its place, in more channels than a lane noted: the log is walked.
    Walk,
}

impl Follow {
    /// Follows what `pattern` selects: `channel`, where it has no wildcard.
    pub(crate) fn new(pattern: Pattern, channel: Option<Arc<Channel>>) -> Self {
        // The channel's own name, so that all followers share one text.
        let name = channel.as_ref().map(|channel| channel.name().clone().into());
        let pattern = name.unwrap_or(pattern);
        Self {
            pattern,
            channel,
            start: 0,
            stamp: 0,
            reported_to: 0,
            begun: None,
            fresh: 0,
            state: 0,
        }
    }

    /// What of a channel's losses after `after` it is owed word of.
    fn owed(&self, losses: LossWatermarks, after: u64) -> Option<LossWatermark> {
        let after = after.max(self.reported_to);
        let is_owed = |lost: LossWatermark, after| lost.offset > after && lost.stamp > self.stamp;
        let messages = Some(losses.messages).filter(|lost| is_owed(*lost, after));
        let tombstones =
            Some(losses.tombstones).filter(|lost| is_owed(*lost, after.max(self.fresh)));
        messages.into_iter().chain(tombstones).reduce(LossWatermark::and)
    }
}

impl Follow {
    /// Whether it is of this channel or has wildcards: then it is listed where it leads to.
    fn leads_only_to(&self, channel: &Arc<Channel>) -> bool {
        self.channel.as_ref().is_none_or(|followed| Arc::ptr_eq(followed, channel))
    }

    /// Whether it is owed word of what forgotten channels had lost after `after`.
    pub(crate) fn is_owed_forgotten(&self, forgotten: LossWatermark, after: u64) -> bool {
        forgotten.offset > after.max(self.reported_to) && forgotten.stamp > self.stamp
    }

    /// Whether a loss sends its reader away: the channel's options do so once reading has begun.
    pub(crate) fn is_sent_away(&self, channel: &Channel, lost: LossWatermark) -> bool {
        channel.options().slow_readers == SlowReaders::Disconnect
            && self.begun.is_some_and(|begun| lost.stamp > begun.get())
    }
}

impl Cursor {
    pub(crate) fn new(after: u64, mut follows: Follows) -> Self {
        follows.iter_mut().for_each(|follow| follow.start = after);
        let has_wild = has_wild(&follows);
        let mut cursor = Self { after, follows, wild: Wild::Quiet, has_wild, ahead: None };
        cursor.scan();
        cursor
    }

    /// What it follows.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.follows.iter().map(|follow| &follow.pattern)
    }

    /// Checks that everything agrees, as long as it follows little.
    pub(crate) fn check(&self) {
        assert!(!self.follows.is_empty(), "a cursor follows nothing");
        let is_noted = self.follows.len() > CHECKED_MAX || self.has_wild == has_wild(&self.follows);
        assert!(is_noted, "a cursor does not know whether its patterns have wildcards");
        for follow in self.follows.iter().take(CHECKED_MAX) {
            assert!(follow.start <= self.after, "a cursor stands before where a follow began");
            assert!(follow.state <= follow.fresh, "tombstones of a state are owed");
        }
        if let Wild::Listed(listing) = &self.wild {
            assert!(listing.news_after <= listing.horizon, "news lies beyond the horizon");
        }
    }

    /// The newest state with which a follow began: what it is given may be no older, as it is owed no
    /// word of tombstones up to there.
    pub(crate) fn state(&self) -> u64 {
        self.follows.iter().map(|follow| follow.fresh).max().unwrap_or(0)
    }

    /// Forgets what lanes have reported: from here on nothing is known but the registry.
    pub(crate) fn scan(&mut self) {
        self.wild = if self.has_wild { Wild::Scan } else { Wild::Quiet };
    }

    /// Follows a pattern no longer. What is listed may have been of interest to that one only.
    pub(crate) fn unfollow(&mut self, pattern: &Pattern) {
        self.follows.retain(|follow| follow.pattern != *pattern);
        self.has_wild = has_wild(&self.follows);
        self.scan();
    }

    /// Takes over what another cursor, which stands at the same place, follows. O(that).
    pub(crate) fn absorb(&mut self, follows: Follows) {
        self.has_wild |= has_wild(&follows);
        self.follows.extend(follows);
        self.scan();
    }

    /// Notes what a lane has reported, as far as it is still of interest.
    pub(crate) fn note(&mut self, mut news: News) {
        if let Whereabouts::In(listing) = &mut news.0 {
            listing.channels.retain(|channel| self.selects(channel.name()));
        }
        match (&mut self.wild, news.0) {
            (Wild::Scan | Wild::Scanning(_) | Wild::Walk, _) | (_, Whereabouts::Named) => {}
            (wild @ Wild::Quiet, Whereabouts::In(listing)) => *wild = Wild::Listed(listing),
            (Wild::Listed(known), Whereabouts::In(more)) if known.horizon == u64::MAX => {
                for channel in more.channels {
                    if !known.channels.iter().any(|known| Arc::ptr_eq(known, &channel)) {
                        known.channels.push(channel);
                    }
                }
                if more.rescan {
                    // What is listed now was reported before that, so it is complete up to there.
                    (known.horizon, known.rescan) = (more.horizon, true);
                    known.news_after = more.horizon;
                }
                if known.channels.len() > LISTED_MAX {
                    self.wild = Wild::Scan;
                }
            }
            // News is newer than the scan, so it is after the horizon.
            (Wild::Listed(known), Whereabouts::In(_)) => known.rescan = true,
        }
    }

    /// Whether a follow selects `channel`; spends `work`, one for each pattern tried.
    pub(crate) fn tries(&self, channel: &ChannelName, work: &mut usize) -> bool {
        let found = self.follows.iter().position(|follow| follow.pattern.matches(channel));
        *work = work.saturating_sub(found.map_or(self.follows.len(), |at| at + 1));
        found.is_some()
    }

    fn selects(&self, channel: &ChannelName) -> bool {
        self.follows.iter().any(|follow| follow.pattern.matches(channel))
    }

    /// Where an archive has said that the channel's next message is, if the cursor is still before that.
    pub(crate) fn known_next(&self, channel: &Arc<Channel>) -> Option<u64> {
        let (_, next) = self.ahead.as_ref()?.get(&channel.address())?;
        Some(*next).filter(|next| *next > self.after)
    }

    /// Keeps what an archive has said of a channel.
    pub(crate) fn note_next(&mut self, channel: &Arc<Channel>, next: u64) {
        let ahead = self.ahead.get_or_insert_default();
        ahead.insert(channel.address(), (Arc::clone(channel), next));
    }

    /// Moves to `upto`. Nothing listed is left to read up to there; after a walk, nothing at all.
    pub(crate) fn exhaust(&mut self, upto: u64, has_walked: bool) {
        self.after = upto;
        self.ahead = None;
        if has_walked {
            self.wild = Wild::Quiet;
        }
        if let Wild::Listed(listing) = &self.wild
            && (listing.horizon == u64::MAX || listing.horizon <= upto)
        {
            // A lane's horizon is where it stopped to note channels, a scan's where it listed no more.
            let is_reported = listing.news_after == listing.horizon;
            if listing.rescan {
                self.scan();
            } else {
                self.wild = Wild::Quiet;
            }
            if is_reported && self.wild == Wild::Scan {
                self.wild = Wild::Walk;
            }
        }
    }

    /// Up to where none of its patterns with wildcards has anything, if that is known: `reported` is up to where a lane has
    /// nothing to report. Without such patterns that is everywhere.
    pub(crate) fn quiet_to(&self, reported: Option<u64>) -> Option<u64> {
        match self.wild {
            _ if !self.has_wild => Some(u64::MAX),
            Wild::Quiet => reported,
            _ => None,
        }
    }

    /// The only channel in which there may be anything for it, if it is known to be the only one.
    pub(crate) fn only_channel(&self) -> Option<&Arc<Channel>> {
        match (&self.wild, &*self.follows) {
            (Wild::Quiet, [follow]) => follow.channel.as_ref(),
            (Wild::Listed(listing), follows) => {
                let [channel] = &*listing.channels else { return None };
                let is_only = listing.horizon == u64::MAX
                    && follows.iter().all(|follow| follow.leads_only_to(channel));
                is_only.then_some(channel)
            }
            _ => None,
        }
    }

    /// The only pattern that it follows, if that has wildcards. All there is for it is what that selects.
    pub(crate) fn only_pattern(&self) -> Option<&Pattern> {
        let [Follow { pattern, channel: None, .. }] = &*self.follows else { return None };
        Some(pattern)
    }

    /// Notes the gaps among `items`, which have been handed over.
    pub(crate) fn note_reported(&mut self, items: &[Item]) {
        for item in items {
            if let Item::Gap(gap) = item {
                let has_gap = |follow: &&mut Follow| follow.pattern == gap.pattern;
                if let Some(follow) = self.follows.iter_mut().find(has_gap) {
                    follow.reported_to = follow.reported_to.max(gap.to);
                }
            }
        }
    }

    /// Whether a message is a tombstone that removes what everyone who follows the channel here
    /// never saw: they began with the state of a later moment.
    #[inline]
    pub(crate) fn needs_no_word_of(&self, channel: &Channel, message: &Message) -> bool {
        is_tombstone(channel, message)
            && !self.follows.iter().any(|follow| {
                message.offset() > follow.state && follow.pattern.matches(channel.name())
            })
    }

    /// The follows that are owed word of what a channel lost after `after`, and of what.
    pub(crate) fn owed(
        &self,
        channel: &ChannelName,
        losses: LossWatermarks,
        after: u64,
    ) -> impl Iterator<Item = (&Follow, LossWatermark)> {
        let is_news = losses.messages.offset.max(losses.tombstones.offset) > after;
        let follows = if is_news { &*self.follows } else { &[] };
        follows.iter().filter_map(move |follow| {
            let lost = follow.owed(losses, after)?;
            follow.pattern.matches(channel).then_some((follow, lost))
        })
    }
}

/// What cursors further ahead have handed over of the channels they follow, before where they stand.
///
/// A cursor that catches up passes over it: a connection is given each message once, whichever of its
/// subscriptions select it. What a subscription brought counts for as long as it lasts.
#[derive(Debug)]
pub(crate) struct HandedOver(PatternMap<HandedOverAfter>);

/// Of one pattern.
#[derive(Clone, Copy, Debug)]
struct HandedOverAfter {
    /// After this offset all messages except tombstones.
    messages: u64,
    /// After this offset tombstones too; ≥ `messages`.
    tombstones: u64,
}

impl HandedOver {
    /// By `cursors`, each of which stands behind all that is asked about. O(follows).
    pub(crate) fn by(cursors: &[Cursor]) -> Self {
        let mut patterns = PatternMap::default();
        for follow in cursors.iter().flat_map(|cursor| &cursor.follows) {
            *patterns.entry(&follow.pattern) = Some(HandedOverAfter {
                messages: follow.start,
                tombstones: follow.start.max(follow.state),
            });
        }
        Self(patterns)
    }

    /// Whether a message of `channel` is among it. O(patterns that select the channel).
    pub(crate) fn has(&self, channel: &Channel, message: &Message) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let (is_tombstone, mut has) = (is_tombstone(channel, message), false);
        self.0.each_match(channel.name(), |after| {
            let after = if is_tombstone { after.tombstones } else { after.messages };
            has |= message.offset() > after;
        });
        has
    }
}

fn has_wild(follows: &[Follow]) -> bool {
    follows.iter().any(|follow| follow.channel.is_none())
}

fn is_tombstone(channel: &Channel, message: &Message) -> bool {
    message.content().is_nothing() && channel.is_compacted()
}

/// Follows that are looked at whenever a cursor moves, in debug builds.
const CHECKED_MAX: usize = 16;

/// Channels listed before scanning all of them is taken to be no dearer.
pub(crate) const LISTED_MAX: usize = if cfg!(shuttle) { 1 } else { 1_024 };
