//! What a lane reports to a reader: the channels with news, as long as these are few.

use crate::{channel::Channel, listing::Listing};
use smallvec::SmallVec;
use std::sync::Arc;

/// Which channels, among those that wildcards select, a waiter's reader has to look at.
///
/// Channels followed by name need no list: the reader knows them.
#[derive(Clone, Debug, Default)]
pub struct News(pub(crate) Whereabouts);

#[derive(Clone, Debug, Default)]
pub(crate) enum Whereabouts {
    #[default]
    Named,
    In(Box<Listing>),
}

impl News {
    /// Adds news of `channel` that is newer than `after`, as all news added before it is.
    pub(crate) fn add(&mut self, channel: &Arc<Channel>, after: u64) {
        match &mut self.0 {
            Whereabouts::Named => {
                let listing = Listing::reported([Arc::clone(channel)].into(), after);
                self.0 = Whereabouts::In(Box::new(listing));
            }
            Whereabouts::In(listing) if listing.rescan => {}
            Whereabouts::In(listing) => {
                // The last first: another pattern may just have reported it.
                if listing.channels.iter().rev().any(|known| Arc::ptr_eq(known, channel)) {
                    return;
                }
                if listing.channels.len() < NEWS_CHANNELS_MAX {
                    listing.channels.push(Arc::clone(channel));
                } else {
                    listing.forget_channels(after);
                }
            }
        }
    }

    /// Whether it is only of channels that the reader follows by name.
    pub(crate) fn is_named(&self) -> bool {
        matches!(self.0, Whereabouts::Named)
    }

    /// Whether it has become news without channels: its reader walks the log.
    pub(crate) fn is_anywhere(&self) -> bool {
        matches!(&self.0, Whereabouts::In(listing) if listing.rescan)
    }

    /// Whether it is of many channels: to read it is more work than a small turn is for.
    pub(crate) fn is_of_many(&self) -> bool {
        let Whereabouts::In(listing) = &self.0 else { return false };
        listing.rescan || listing.channels.len() > FEW_CHANNELS
    }

    /// Has its reader walk the log from `after` on.
    pub(crate) fn forget_channels(&mut self, after: u64) {
        if let Whereabouts::Named = self.0 {
            self.0 = Whereabouts::In(Box::new(Listing::reported(SmallVec::new(), after)));
        }
        if let Whereabouts::In(listing) = &mut self.0 {
            listing.forget_channels(after);
        }
    }
}

/// Channels noted for a waiter before it has to walk the log: a slow reader of `>` costs no more
/// than this, and nothing further until it has taken its news.
const NEWS_CHANNELS_MAX: usize = if cfg!(shuttle) { 1 } else { 64 };

/// News in no more channels is read in a small turn.
const FEW_CHANNELS: usize = if cfg!(shuttle) { 1 } else { 16 };
