//! The lanes of a broker by their numbers: as many at a time as a channel has bits for lanes.
//!
//! A number that was given out keeps its port for good, so that publishers reach it without a lock. A lane
//! that ends leaves its end of the queue here, for the next lane of this number.

use crate::{
    channel::Channel,
    lane_port::LanePort,
    sync::{Mutex, MutexGuard, mpsc},
};
use std::sync::{Arc, OnceLock, PoisonError};

/// `ports[index]` is there for every index below `given`; `ended` are those that no lane has now.
#[derive(Debug)]
pub(crate) struct Lanes {
    ports: [OnceLock<LanePort>; LANES_MAX],
    free: Mutex<Free>,
}

#[derive(Debug, Default)]
struct Free {
    /// How many numbers were ever given out.
    given: usize,
    ended: Vec<Ended>,
}

/// What a lane that has ended leaves to the next of its number.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) index: usize,
    pub(crate) queue: mpsc::Receiver<Arc<Channel>>,
    /// Channels ever taken from the queue.
    pub(crate) taken: u64,
}

/// A broker has given out all its lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a broker has at most {LANES_MAX} lanes; run at most as many workers")]
pub struct TooManyLanes;

/// A channel marks the lanes that follow it in the bits of one word.
const LANES_MAX: usize = 64;

impl Lanes {
    pub(crate) fn new() -> Self {
        Self { ports: [const { OnceLock::new() }; LANES_MAX], free: Mutex::default() }
    }

    /// The port and the queue of a lane, with a number that no other has now.
    pub(crate) fn take(&self) -> Result<(&LanePort, Ended), TooManyLanes> {
        let mut free = self.free();
        let ended = match free.ended.pop() {
            Some(ended) => ended,
            None => {
                let (index, (sender, queue)) = (free.given, mpsc::channel());
                let slot = self.ports.get(index).ok_or(TooManyLanes)?;
                slot.set(LanePort::new(sender)).map_err(|_| TooManyLanes)?;
                free.given += 1;
                Ended { index, queue, taken: 0 }
            }
        };
        drop(free);
        let port = self.ports.get(ended.index).and_then(OnceLock::get).ok_or(TooManyLanes)?;
        Ok((port, ended))
    }

    /// Gives a number back, of which no channel says that anybody follows it.
    pub(crate) fn give_back(&self, ended: Ended) {
        self.free().ended.push(ended);
    }

    /// The ports of the lanes whose bits are set.
    pub(crate) fn ports(&self, bits: u64) -> impl Iterator<Item = &LanePort> {
        let bits = std::iter::successors(Some(bits), |rest| Some(rest & rest.wrapping_sub(1)));
        bits.take_while(|rest| *rest != 0).filter_map(|rest| {
            let index = usize::try_from(rest.trailing_zeros()).ok()?;
            self.ports.get(index)?.get()
        })
    }

    fn free(&self) -> MutexGuard<'_, Free> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
