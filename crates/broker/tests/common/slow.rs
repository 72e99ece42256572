//! An archive that has to be waited for: it answers a question once the test lets it fetch. From then on it answers with
//! what it found at that time, like a cache, without what retention has removed from the front since.
#![allow(dead_code, clippy::unwrap_used, unreachable_pub)]

use crate::test_archive::TestArchive;
#[cfg(shuttle)]
use shuttle::sync::Mutex;
#[cfg(not(shuttle))]
use std::sync::Mutex;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    task::Poll,
};
use tidewire_broker::{Archive, ArchiveRead, ChannelName, PendingRead, ReadContext, Stretch};

#[derive(Debug, Default)]
pub struct Slow {
    pub archive: TestArchive,
    asked: Mutex<Vec<(Question, PendingRead)>>,
    answers: Mutex<BTreeMap<Question, ArchiveRead>>,
    orders: Mutex<BTreeMap<u64, Option<Stretch>>>,
    /// Set by tests that have it look for places, too. It keeps only what it fetched last.
    pub has_to_look_back: AtomicBool,
    backs: Mutex<BTreeMap<Back, Vec<(u64, usize)>>>,
    looked_back: Mutex<Vec<(Back, PendingRead)>>,
}

/// In which channel, before where, how many.
type Back = (String, u64, usize);

/// Of which channel, after where, up to where, how many bytes; without a channel for the order.
type Question = (String, u64, u64, usize);

impl Slow {
    /// Answers what was asked so far; says how many questions that were.
    pub fn fetch(&self) -> usize {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap());
        for (question, waiting) in &asked {
            let (channel, after, upto, bytes_max) = question;
            assert!(!waiting.is_gone());
            if channel.is_empty() {
                let order = self.archive.order(*after, ReadContext::BLOCKING);
                let Poll::Ready(stretch) = order else { continue };
                self.orders.lock().unwrap().insert(*after, stretch);
                continue;
            }
            let name = channel.parse().unwrap();
            let cold = self.archive.read(&name, *after, *upto, *bytes_max, ReadContext::BLOCKING);
            assert!(cold.is_ready());
            if let Poll::Ready(cold) = cold {
                self.answers.lock().unwrap().insert(question.clone(), cold);
            }
        }
        // Only now are they woken.
        asked.len()
    }

    /// Answers what was asked of places so far, and forgets what it answered before.
    pub fn look_back(&self) -> usize {
        let asked = std::mem::take(&mut *self.looked_back.lock().unwrap());
        let mut backs = self.backs.lock().unwrap();
        backs.clear();
        for ((channel, before, count), _waiting) in &asked {
            let name = channel.parse().unwrap();
            if let Poll::Ready(found) =
                self.archive.back(&name, *before, *count, ReadContext::BLOCKING)
            {
                backs.insert((channel.clone(), *before, *count), found);
            }
        }
        drop(backs);
        asked.len()
    }

    /// How many ask whose readers are still there, and how many whose readers are gone.
    pub fn asked(&self) -> (usize, usize) {
        let asked = self.asked.lock().unwrap();
        let gone = asked.iter().filter(|(_, waiting)| waiting.is_gone()).count();
        (asked.len() - gone, gone)
    }
}

impl Archive for Slow {
    fn read(
        &self,
        channel: &ChannelName,
        after: u64,
        upto: u64,
        bytes_max: usize,
        context: ReadContext<'_>,
    ) -> Poll<ArchiveRead> {
        let question = (channel.as_str().to_owned(), after, upto, bytes_max);
        let answer = self.answers.lock().unwrap().get(&question).cloned();
        if let Some(mut read) = answer {
            let taken = self.archive.taken(channel.as_str());
            let held = read.messages.iter().filter(|message| message.offset() > taken);
            read.messages = held.cloned().collect();
            return Poll::Ready(read);
        }
        let Some(waiting) = context.wait() else {
            return self.archive.read(channel, after, upto, bytes_max, context);
        };
        self.asked.lock().unwrap().push((question, waiting));
        Poll::Pending
    }

    fn first_since(
        &self,
        channel: &ChannelName,
        time_ms: u64,
        context: ReadContext<'_>,
    ) -> Poll<Option<u64>> {
        self.archive.first_since(channel, time_ms, context)
    }

    fn back(
        &self,
        channel: &ChannelName,
        before: u64,
        count: usize,
        context: ReadContext<'_>,
    ) -> Poll<Vec<(u64, usize)>> {
        if !self.has_to_look_back.load(Ordering::SeqCst) {
            return self.archive.back(channel, before, count, context);
        }
        let question = (channel.as_str().to_owned(), before, count);
        if let Some(found) = self.backs.lock().unwrap().get(&question) {
            return Poll::Ready(found.clone());
        }
        let Some(waiting) = context.wait() else {
            return self.archive.back(channel, before, count, context);
        };
        self.looked_back.lock().unwrap().push((question, waiting));
        Poll::Pending
    }

    fn order(&self, after: u64, context: ReadContext<'_>) -> Poll<Option<Stretch>> {
        if let Some(stretch) = self.orders.lock().unwrap().get(&after) {
            return Poll::Ready(stretch.clone());
        }
        let Some(waiting) = context.wait() else { return self.archive.order(after, context) };
        self.asked.lock().unwrap().push(((String::new(), after, 0, 0), waiting));
        Poll::Pending
    }
}
