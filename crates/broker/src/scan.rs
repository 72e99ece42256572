//! Looking at all channels, where the order of the log is not known: some of them in each turn.
//!
//! What the turns have found so far is kept with the cursor, which stays where it is until all have been looked at.
//! All that a scan looks for was there when it began, so a channel that is made meanwhile has nothing for it.

use crate::{
    Broker, Gap, Gathered, Item, ReadContext,
    cursor::{Cursor, LISTED_MAX, Wild},
    gather::wild_patterns,
    listing::Listing,
    scanning::Scanning,
};
use std::{mem, ops::ControlFlow, sync::Arc};

impl Gathered {
    /// Looks at more channels for what is to be read up to `upto`. Says whether these were the last ones: then the
    /// cursor has listed those with news.
    ///
    /// Where the archive has to be waited for, the same channels are looked at once more; what it has said of some of
    /// them is known by then.
    pub(crate) fn scan(
        &mut self,
        broker: &Broker,
        cursor: &mut Cursor,
        upto: u64,
        limit: u64,
        context: ReadContext<'_>,
    ) -> bool {
        let registry = &broker.shared.registry;
        let wanted = wild_patterns(&cursor.follows);
        let from = if let Wild::Scanning(scanning) = &cursor.wild { scanning.from } else { 0 };
        let mut candidates = Vec::new();
        let next = registry.scan_slice(from, TURN_CHANNELS, &mut |channel| {
            if channel.last() > cursor.after && wanted.has_match(channel.name()) {
                candidates.push(Arc::clone(channel));
            }
        });
        let mut found = Vec::new();
        for channel in candidates {
            let next = self.next(broker, cursor, &channel, upto, context);
            // It may be one of very many.
            self.read_ahead.forget(&channel);
            found.extend(next.map(|next| (next, channel)));
        }
        if self.waits {
            self.items.clear();
            return false;
        }
        let mut scanning = match mem::replace(&mut cursor.wild, Wild::Scan) {
            Wild::Scanning(scanning) => scanning,
            _ => Box::new(Scanning::upto(upto)),
        };
        scanning.is_too_slow |= self.is_too_slow;
        let listed_max = LISTED_MAX.max(registry.places() / SCANS_MAX);
        found.into_iter().for_each(|(next, channel)| scanning.add(next, channel, listed_max));
        if let ControlFlow::Continue(next) = next {
            scanning.from = next;
            scanning.losses.extend(self.items.drain(..).filter_map(|item| match item {
                Item::Gap(Gap { pattern, to, .. }) => Some((pattern, to)),
                Item::Message(_) => None,
            }));
            // It is reported at the end, with the gap.
            self.is_too_slow = false;
            cursor.wild = Wild::Scanning(scanning);
            return false;
        }
        self.is_too_slow = scanning.is_too_slow;
        for (pattern, to) in mem::take(&mut scanning.losses) {
            self.note_gap(Gap { pattern, from: cursor.after, to }, 0);
        }
        // Asked only now: a channel forgotten while the others were visited is in it.
        let forgotten = registry.forgotten();
        self.note_forgotten(cursor, forgotten, cursor.after);
        let (channels, beyond) = scanning.finish();
        cursor.wild = Wild::Listed(Box::new(Listing {
            channels,
            horizon: beyond.map_or(upto, |next| next - 1),
            rescan: beyond.is_some() || upto < limit,
            news_after: 0,
        }));
        true
    }
}

/// Places of the registry that are looked at in one turn: some hundred microseconds.
const TURN_CHANNELS: usize = if cfg!(shuttle) { 2 } else { 1_024 };

/// How many looks at all channels bring a cursor to the index's tail, at most: then each lists more
/// channels than [`LISTED_MAX`].
const SCANS_MAX: usize = 16;
