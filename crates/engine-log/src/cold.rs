//! The archive as the broker sees it: what was read lately is at hand, the rest is read by threads of
//! its own. No worker waits for the disk.
//!
//! ```text
//!   reader ── asks ──► cache ── has it ──► its messages, shared
//!                        │ has not
//!                        ▼
//!                    questions ── in turns among readers ──► a thread reads a run ──► cache
//!                                                                                       │
//!   reader asks again ◄── is woken, once for all that it has asked ◄────────────────────┘
//! ```
//!
//! Why a cache hides no loss: a reader asks the broker what is lost after it has been answered, and
//! [`cache`] gives nothing that retention had taken from the front by then. In a compacted channel rows go
//! from the middle; there a reader is given what was read since the state that it began with.

use crate::{archive::LogArchive, channels::State, clock::Clock};
use cache::{Cache, Found, ReadRange, Run};
use questions::{Question, QuestionKind, Questions};
use std::{
    collections::{HashMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::Poll,
    thread::{self, Builder, JoinHandle},
    time::{Duration, Instant},
};
use tidewire_broker::{Archive, ArchiveRead, ChannelName, Charge, ReadContext, Stretch};

pub(crate) mod cache;
mod questions;

/// Answers readers from the cache, and has the rest read.
#[derive(Debug)]
pub(crate) struct ColdArchive {
    shared: Arc<Shared>,
    /// Begun with the first question, as most stores are never asked.
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    rows: LogArchive,
    clock: Clock,
    inner: Mutex<Inner>,
    /// Rung when there is something to read or to give up, when room is made, and at the end.
    work: Condvar,
}

#[derive(Debug)]
struct Inner {
    cache: Cache,
    questions: Questions,
    /// Answers that are no runs of messages. Each is given for so long and no longer.
    places: HashMap<Question, Located>,
    places_by_age: VecDeque<(Instant, Question)>,
    is_closed: bool,
}

/// Where something is in a channel.
#[derive(Clone, Debug)]
enum Located {
    First(Option<u64>),
    Back(Vec<(u64, usize)>),
    Order(Option<Stretch>),
}

enum Answer {
    Run(Run),
    Located(Located),
}

impl ColdArchive {
    /// An archive of `rows`, whose cache holds about `cache_bytes_max`.
    pub(crate) fn new(rows: LogArchive, cache_bytes_max: usize, clock: Clock) -> Self {
        let inner = Inner {
            cache: Cache::new(cache_bytes_max),
            questions: Questions::default(),
            places: HashMap::new(),
            places_by_age: VecDeque::new(),
            is_closed: false,
        };
        let shared = Shared { rows, clock, inner: Mutex::new(inner), work: Condvar::new() };
        Self { shared: Arc::new(shared), threads: Mutex::default() }
    }

    /// Queues a question, for which its reader waits; false if there is no thread to read it.
    fn ask(
        &self,
        mut inner: MutexGuard<'_, Inner>,
        question: Question,
        bytes_max: usize,
        context: ReadContext<'_>,
    ) -> bool {
        if inner.is_closed || !self.has_threads() {
            return false;
        }
        let Some(waiting) = context.wait() else { return false };
        inner.questions.push(question, bytes_max, waiting);
        drop(inner);
        self.shared.work.notify_one();
        true
    }

    /// Begins the threads, unless they run.
    fn has_threads(&self) -> bool {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        while threads.len() < THREADS {
            let shared = Arc::clone(&self.shared);
            let thread = Builder::new().name(format!("tidewire-read-{}", threads.len()));
            match thread.spawn(move || shared.run()) {
                Ok(thread) => threads.push(thread),
                // The threads that run are enough. Without any, the caller reads by itself.
                Err(_) => return !threads.is_empty(),
            }
        }
        true
    }

    /// The answer to a question about a position, read from the store here if there is no thread to read it.
    fn place(
        &self,
        channel: Option<&ChannelName>,
        kind: QuestionKind,
        context: ReadContext<'_>,
    ) -> Poll<Located> {
        let question = Question { channel: channel.cloned(), kind };
        if !context.is_blocking() {
            let inner = self.shared.lock();
            if let Some(place) = inner.places.get(&question) {
                return Poll::Ready(place.clone());
            }
            if self.ask(inner, question.clone(), 0, context) {
                return Poll::Pending;
            }
        }
        match self.shared.rows.answer(&question, 0, Arc::default()) {
            Answer::Located(place) => Poll::Ready(place),
            Answer::Run(_) => Poll::Ready(Located::First(None)),
        }
    }
}

impl Archive for ColdArchive {
    fn read(
        &self,
        channel: &ChannelName,
        after: u64,
        upto: u64,
        bytes_max: usize,
        context: ReadContext<'_>,
    ) -> Poll<ArchiveRead> {
        let Some(state) = self.shared.rows.channels.find(channel) else {
            return Poll::Ready(ArchiveRead::default());
        };
        // What is up to there is gone, and announced.
        let from = after.max(state.floor());
        if from >= upto.min(state.last) {
            return Poll::Ready(ArchiveRead::default());
        }
        if !context.is_blocking() {
            let mut inner = self.shared.lock();
            let now = || self.shared.clock.now();
            let wanted = ReadRange { after: from, upto, bytes_max, as_of: context.as_of() };
            if let Some(Found { run, has_work }) = inner.cache.find(&state, wanted, now) {
                drop(inner);
                if has_work {
                    self.shared.work.notify_one();
                }
                return Poll::Ready(run.part(wanted));
            }
            let run_bytes_max = bytes_max.clamp(RUN_BYTES_MIN, RUN_BYTES_MAX);
            let question = Question {
                channel: Some(channel.clone()),
                kind: QuestionKind::Run { after: from },
            };
            if self.ask(inner, question, run_bytes_max, context) {
                return Poll::Pending;
            }
        }
        let charge = Arc::default();
        Poll::Ready(self.shared.rows.read(channel, after, upto, bytes_max, &charge))
    }

    fn first_since(
        &self,
        channel: &ChannelName,
        time_ms: u64,
        context: ReadContext<'_>,
    ) -> Poll<Option<u64>> {
        self.place(Some(channel), QuestionKind::Since { time_ms }, context).map(|place| match place
        {
            Located::First(first) => first,
            Located::Back(_) | Located::Order(_) => None,
        })
    }

    fn back(
        &self,
        channel: &ChannelName,
        before: u64,
        count: usize,
        context: ReadContext<'_>,
    ) -> Poll<Vec<(u64, usize)>> {
        self.place(Some(channel), QuestionKind::Back { before, count }, context).map(|place| {
            match place {
                Located::Back(found) => found,
                Located::First(_) | Located::Order(_) => Vec::new(),
            }
        })
    }

    fn order(&self, after: u64, context: ReadContext<'_>) -> Poll<Option<Stretch>> {
        self.place(None, QuestionKind::Order { after }, context).map(|place| match place {
            Located::Order(stretch) => stretch,
            Located::First(_) | Located::Back(_) => None,
        })
    }

    fn place_since(&self, time_ms: u64, context: ReadContext<'_>) -> Poll<Option<u64>> {
        self.place(None, QuestionKind::Since { time_ms }, context).map(|place| match place {
            Located::First(first) => first,
            Located::Back(_) | Located::Order(_) => None,
        })
    }

    fn oldest(&self) -> Option<u64> {
        Some(self.shared.rows.channels.oldest())
    }
}

impl Drop for ColdArchive {
    /// A read that has begun is completed; others are dropped.
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.work.notify_all();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        threads.into_iter().for_each(|thread| drop(thread.join()));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what is asked for, until the end.
    fn run(&self) {
        lower_priority();
        let mut inner = self.lock();
        while !inner.is_closed {
            let now = self.clock.now();
            inner.forget_places(now);
            let evicted = inner.cache.trim();
            if !evicted.is_empty() {
                // To free them takes long, and workers want the lock.
                drop(inner);
                drop(evicted);
                inner = self.lock();
                continue;
            }
            if !inner.questions.has_begun() && inner.cache.is_crowded(now) {
                // Its readers are about to take what is there: to read on would push it out again.
                let waited = self.work.wait_timeout(inner, CROWDED_WAIT);
                inner = waited.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            let Some((question, bytes_max)) = inner.questions.pop() else {
                inner = self.work.wait(inner).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            if inner.has_answer(&question, &self.rows) {
                // Others have asked for what lies before it, and that reached so far.
                let answered = inner.questions.answered(&question);
                drop(inner);
                drop(answered);
                inner = self.lock();
                continue;
            }
            let charge = inner.cache.part_of_charge();
            drop(inner);
            let answer = self.read(&question, bytes_max, &charge);
            inner = self.lock();
            inner.take_in(&question, answer, self.clock.now());
            let answered = inner.questions.answered(&question);
            drop(inner);
            // They are woken with no lock held.
            drop(answered);
            // Readers that wait for more, and workers, go first. Without this the kernel lets them wait for the rest of a
            // time slice, some milliseconds.
            thread::yield_now();
            inner = self.lock();
        }
        let left = inner.questions.close();
        drop(inner);
        drop(left);
    }

    fn read(&self, question: &Question, bytes_max: usize, charge: &Arc<Charge>) -> Answer {
        let read = || self.rows.answer(question, bytes_max, Arc::clone(charge));
        catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
            tracing::error!(?question, "reading from disk has panicked");
            // Of what was read.
            charge.leave();
            self.rows.unread(question)
        })
    }
}

impl Inner {
    /// Whether the cache has what is asked for by now.
    fn has_answer(&self, question: &Question, rows: &LogArchive) -> bool {
        let Question { channel: Some(channel), kind: QuestionKind::Run { after } } = question
        else {
            return false;
        };
        let state = rows.channels.find(channel);
        state.is_some_and(|state| self.cache.covers(*after, &state))
    }

    fn take_in(&mut self, question: &Question, answer: Answer, now: Instant) {
        match answer {
            Answer::Run(run) => self.cache.insert(run, now),
            Answer::Located(place) => {
                self.places.insert(question.clone(), place);
                self.places_by_age.push_back((now, question.clone()));
            }
        }
    }

    fn forget_places(&mut self, now: Instant) {
        while let Some((since, question)) = self.places_by_age.front()
            && (self.places_by_age.len() > PLACES_MAX
                || now.saturating_duration_since(*since) >= PLACE_AGE_MAX)
        {
            self.places.remove(question);
            self.places_by_age.pop_front();
        }
    }
}

impl LogArchive {
    /// The answer to a question that could not be read.
    fn unread(&self, question: &Question) -> Answer {
        match question.kind {
            QuestionKind::Run { after } => {
                let state = self.state(question);
                let cold = ArchiveRead { lost: state.last, ..ArchiveRead::default() };
                Answer::Run(Run::new(after, cold, &state, Arc::default()))
            }
            QuestionKind::Since { .. } => Answer::Located(Located::First(None)),
            QuestionKind::Back { .. } => Answer::Located(Located::Back(Vec::new())),
            QuestionKind::Order { .. } => Answer::Located(Located::Order(None)),
        }
    }

    /// Reads what a question asks for, and counts in `charge` what the messages take.
    fn answer(&self, question: &Question, bytes_max: usize, charge: Arc<Charge>) -> Answer {
        Answer::Located(match (question.kind, &question.channel) {
            (QuestionKind::Run { after }, Some(channel)) => {
                let state = self.state(question);
                let cold = self.read(channel, after, state.last, bytes_max, &charge);
                return Answer::Run(Run::new(after, cold, &state, charge));
            }
            (QuestionKind::Since { time_ms }, Some(channel)) => {
                Located::First(self.first_since(channel, time_ms))
            }
            (QuestionKind::Since { time_ms }, None) => Located::First(self.place_in_order(time_ms)),
            (QuestionKind::Back { before, count }, Some(channel)) => {
                Located::Back(self.back(channel, before, count))
            }
            (QuestionKind::Order { after }, _) => Located::Order(self.order(after)),
            // Nobody asks that without a channel.
            (QuestionKind::Run { .. }, None) => Located::First(None),
            (QuestionKind::Back { .. }, None) => Located::Back(Vec::new()),
        })
    }

    fn state(&self, question: &Question) -> State {
        let channel = question.channel.as_ref();
        channel.and_then(|channel| self.channels.find(channel)).unwrap_or_default()
    }
}

/// Has the calling thread run after others where there is no processor for each: who waits for a disk can wait a
/// little longer, and a worker delivers what is live.
fn lower_priority() {
    // A thread has a niceness of its own on Linux only.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(READ_NICENESS) {
        tracing::debug!(%error, "threads that read run as soon as workers do");
    }
}

/// How much nicer a thread that reads is: beside a busy worker it gets a quarter of a processor. With much less it
/// might keep workers waiting for the lock.
#[cfg(target_os = "linux")]
const READ_NICENESS: i32 = 5;

/// Concurrent reads of one disk. A second one keeps it busy while the first decodes.
const THREADS: usize = 2;

/// Bytes of messages that one read brings at least: it costs no more than a single one.
const RUN_BYTES_MIN: usize = 4 << 10;

/// The same at most: one gather, and some hundred microseconds of a thread.
const RUN_BYTES_MAX: usize = 64 << 10;

/// How long the place of a time, or of a page's beginning, is given to others.
const PLACE_AGE_MAX: Duration = Duration::from_secs(5);

/// How many of these are kept.
const PLACES_MAX: usize = 16_384;

/// After which time a thread looks again whether there is room.
const CROWDED_WAIT: Duration = Duration::from_millis(10);
