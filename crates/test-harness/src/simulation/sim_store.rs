//! A durable engine in small: a naive store that outlives the server, filled in batches at moments
//! that the world chooses. What it takes from its store it announces to the broker first.
//!
//! Its archive is asked with no lock held, so anything may happen meanwhile: now and then something
//! is lost just then. And now and then it has its reader wait, and then answers what was there when it
//! was asked, but for what retention has taken since.

use super::{
    history::{Entry as Published, History},
    model_outcome::{ModelOutcome, Source, expected_outcome},
    tally::Tally,
};
use fastrand::Rng;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem,
    ops::Bound,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};
use tidewire_broker::{
    AppendError, Archive, ArchiveRead, Broker, ChannelName, Content, Draft, DraftError,
    EngineError, Entry, Limits, LossKind, Message, Options, PendingRead, Permit, Position,
    Publishing, ReadContext, Retention, Stretch,
};

/// The store, and the engine before it.
#[derive(Debug)]
pub(crate) struct SimStore {
    epoch: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    channels: BTreeMap<String, SimChannel>,
    /// Whose message each offset was, as far as that has not been forgotten.
    order: BTreeMap<u64, ChannelName>,
    /// A copy that was made once.
    copy: Option<Copied>,
    queue: Vec<Queued>,
    /// None while no server runs.
    broker: Option<Broker>,
    /// The offsets of all rows that could not be read any more, even if they are gone by now.
    rotten: BTreeSet<u64>,
    rng: Rng,
    /// Nothing is lost any more while the archive is asked.
    is_calm: bool,
    reads: u64,
    /// The readers that wait for an answer.
    waiting: Vec<PendingRead>,
    /// The answers that they will get, once.
    answers: HashMap<Question, ArchiveRead>,
    waits: u64,
}

/// Rows, the order, and how far the log had come.
type Copied = (BTreeMap<String, SimChannel>, BTreeMap<u64, ChannelName>, u64);

/// Of which reader, as of which state, of which channel, after where, up to where, how many bytes.
type Question = (usize, u64, String, u64, u64, usize);

/// One channel's rows. `taken` < every offset that retention has not passed over.
#[derive(Clone, Debug)]
struct SimChannel {
    name: ChannelName,
    rows: BTreeMap<u64, Row>,
    last: u64,
    taken: u64,
}

#[derive(Clone, Debug)]
struct Row {
    entry: Entry,
    /// It cannot be read any more.
    is_rotten: bool,
}

#[derive(Debug)]
struct Queued {
    permit: Permit,
    draft: Draft,
    source: Source,
    answer: Arc<Mutex<Answer>>,
}

impl Queued {
    fn answer(&self, outcome: Outcome) {
        let mut answer = lock(&self.answer);
        answer.outcome = Some(outcome);
        answer.waker.take().into_iter().for_each(Waker::wake);
    }
}

type Outcome = Result<Position, AppendError>;

#[derive(Debug, Default)]
struct Answer {
    outcome: Option<Outcome>,
    waker: Option<Waker>,
}

struct Pending(Arc<Mutex<Answer>>);

impl Future for Pending {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let mut answer = lock(&self.0);
        answer.waker = Some(context.waker().clone());
        answer.outcome.map_or(Poll::Pending, Poll::Ready)
    }
}

impl SimStore {
    pub(crate) fn new(epoch: u64, rng: Rng) -> Self {
        let inner = Inner {
            channels: BTreeMap::new(),
            order: BTreeMap::new(),
            copy: None,
            queue: Vec::new(),
            broker: None,
            rotten: BTreeSet::new(),
            rng,
            is_calm: false,
            reads: 0,
            waiting: Vec::new(),
            answers: HashMap::new(),
            waits: 0,
        };
        Self { epoch: AtomicU64::new(epoch), inner: Mutex::new(inner) }
    }

    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Copies all that is stored, `head` the newest offset.
    pub(crate) fn copy(&self, head: u64) {
        let mut inner = lock(&self.inner);
        inner.copy = Some((inner.channels.clone(), inner.order.clone(), head));
    }

    /// Puts the copy in the place of what is stored, if there is one, and returns how far the log had
    /// come. No server may run. What was handed out since then is handed out again, so the epoch is another.
    pub(crate) fn restore(&self, epoch: u64) -> Option<u64> {
        let mut inner = lock(&self.inner);
        let (channels, order, head) = inner.copy.take()?;
        (inner.channels, inner.order) = (channels, order);
        self.epoch.store(epoch, Ordering::Relaxed);
        Some(head)
    }

    /// Begins a server's life with all that is stored.
    pub(crate) fn open(self: &Arc<Self>, head: u64, limits: &Limits) -> Broker {
        let archive: Arc<dyn Archive> = Arc::<Self>::clone(self);
        let broker = Broker::with_archive(self.epoch(), head, limits.clone(), archive);
        let mut inner = lock(&self.inner);
        for stored in inner.channels.values() {
            broker.restore(&stored.name, stored.last, stored.taken, stored.loss(&broker));
        }
        inner.broker = Some(broker.clone());
        drop(inner);
        broker.restore_order();
        broker
    }

    /// Ends it: what waits was never published. Now and then a row cannot be read afterwards, or a part
    /// of the order is not known any more.
    pub(crate) fn close(&self) {
        let mut inner = lock(&self.inner);
        (inner.queue, inner.broker) = (Vec::new(), None);
        (inner.waiting, inner.answers) = (Vec::new(), HashMap::new());
        let Inner { channels, order, rotten, rng, .. } = &mut *inner;
        if let Some((last, _)) = order.last_key_value().filter(|_| rng.u8(..4) == 0) {
            let (from, count) = (rng.u64(..=*last), rng.u64(..*last));
            order.retain(|offset, _| !(from..from.saturating_add(count)).contains(offset));
        }
        let stored = rng.choice(channels.values_mut()).filter(|_| rng.u8(..8) == 0);
        if let Some((offset, row)) = stored.and_then(|stored| rng.choice(stored.rows.iter_mut())) {
            row.is_rotten = true;
            rotten.insert(*offset);
        }
    }

    /// Whether the row of this offset could once not be read any more.
    pub(crate) fn has_rotted(&self, offset: u64) -> bool {
        lock(&self.inner).rotten.contains(&offset)
    }

    /// Takes a draft in, to be stored with others.
    pub(crate) fn publish(&self, permit: Permit, draft: Draft, source: Source) -> Publishing {
        let answer = Arc::default();
        let pending = Pending(Arc::clone(&answer));
        lock(&self.inner).queue.push(Queued { permit, draft, source, answer });
        Publishing::Waiting(Box::pin(pending))
    }

    /// The offsets of a channel's rows that can be read.
    pub(crate) fn offsets(&self, channel: &ChannelName) -> Vec<u64> {
        let inner = lock(&self.inner);
        let rows = inner.channels.get(channel.as_str()).into_iter().flat_map(|stored| &stored.rows);
        rows.filter(|(_, row)| !row.is_rotten).map(|(offset, _)| *offset).collect()
    }

    /// From here on nothing is lost while the archive is asked.
    pub(crate) fn calm_down(&self) {
        let mut inner = lock(&self.inner);
        inner.is_calm = true;
        inner.waiting.clear();
    }

    /// How often a reader had to wait since the last call.
    pub(crate) fn take_waits(&self) -> u64 {
        mem::take(&mut lock(&self.inner).waits)
    }

    /// How many messages were read from here since this was last asked.
    pub(crate) fn take_reads(&self) -> u64 {
        mem::take(&mut lock(&self.inner).reads)
    }

    /// Stores up to `count` of what waits as one batch, brings it to the broker, and answers.
    pub(crate) fn commit(
        &self,
        count: usize,
        now_ms: u64,
        history: &mut History,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let mut inner = lock(&self.inner);
        inner.fetch();
        let count = count.min(inner.queue.len());
        let batch: Vec<Queued> = inner.queue.drain(..count).collect();
        let Some(broker) = inner.broker.clone().filter(|_| !batch.is_empty()) else {
            return Ok(());
        };
        // What the server itself publishes has to come through more often than once.
        let is_of_system = batch.iter().any(|waiting| waiting.source == Source::System);
        if !inner.is_calm && inner.rng.u8(..) < if is_of_system { 24 } else { 4 } {
            let error = AppendError::Engine(EngineError::Unavailable);
            batch.iter().for_each(|waiting| history.record_refusal(&waiting.draft, error));
            tally.unavailable += 1;
            batch.iter().for_each(|waiting| waiting.answer(Err(error)));
            return Ok(());
        }
        let (mut entries, mut outcomes) = (Vec::new(), Vec::new());
        for Queued { permit, draft, source, .. } in &batch {
            let (channel, given) = (permit.channel(), (draft.clone(), *source));
            let stored = inner.store(channel, given, now_ms, &broker, history, tally)?;
            check_options(&broker.options(channel), permit, draft, stored.as_ref().err())?;
            outcomes.push(stored.as_ref().map_or_else(|error| Err(*error), |it| Ok(it.position)));
            entries.extend(stored.ok().and_then(|stored| stored.fresh));
        }
        inner.bring(entries, &broker, now_ms)?;
        batch.iter().zip(outcomes).for_each(|(waiting, outcome)| waiting.answer(outcome));
        Ok(())
    }

    /// Applies the age limits: to messages, and to values by tombstones.
    pub(crate) fn sweep(
        &self,
        now_ms: u64,
        history: &mut History,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let mut inner = lock(&self.inner);
        let Some(broker) = inner.broker.clone() else { return Ok(()) };
        let mut entries = Vec::new();
        let names: Vec<ChannelName> =
            inner.channels.values().map(|stored| stored.name.clone()).collect();
        for name in &names {
            let drafts = expired(history, self.epoch(), name.as_str(), &broker, now_ms);
            for draft in drafts {
                let given = (draft, Source::System);
                let stored = inner.store(name, given, now_ms, &broker, history, tally)?;
                entries.extend(stored.ok().and_then(|stored| stored.fresh));
                tally.expired += 1;
            }
        }
        inner.bring(entries, &broker, now_ms)?;
        names.iter().for_each(|name| inner.retain(name, &broker, now_ms));
        Ok(())
    }
}

/// What became of a draft: new, it has still to be brought to the broker.
struct Stored {
    position: Position,
    fresh: Option<(Entry, Option<u64>)>,
}

impl Inner {
    /// Gives a draft its place, if it is due one.
    fn store(
        &mut self,
        channel: &ChannelName,
        (draft, source): (Draft, Source),
        now_ms: u64,
        broker: &Broker,
        history: &mut History,
        tally: &mut Tally,
    ) -> Result<Result<Stored, AppendError>, String> {
        let (epoch, options) = (broker.epoch(), broker.options(channel));
        let expected =
            expected_outcome(history, epoch, channel.as_str(), (&draft, source), &options, now_ms);
        tally.count(expected);
        let supersedes = match expected {
            ModelOutcome::New(supersedes) => supersedes,
            ModelOutcome::Before(offset) => {
                return Ok(Ok(Stored { position: Position { epoch, offset }, fresh: None }));
            }
            ModelOutcome::Refused(error) => {
                history.record_refusal(&draft, error);
                return Ok(Err(error));
            }
        };
        let (offset, time_ms) = (history.head(epoch) + 1, history.log_ms(epoch, now_ms));
        let position = Position { epoch, offset };
        let published = Published::new(channel.as_str(), draft.clone(), time_ms, &options);
        history.record(position, published)?;
        let entry = Entry { channel: channel.clone(), offset, time_ms, draft };
        let stored = self.channels.entry(channel.as_str().to_owned()).or_insert_with(|| {
            SimChannel { name: channel.clone(), rows: BTreeMap::new(), last: 0, taken: 0 }
        });
        stored.last = offset;
        self.order.insert(offset, channel.clone());
        stored.rows.insert(offset, Row { entry: entry.clone(), is_rotten: false });
        supersedes.and_then(|superseded| stored.rows.remove(&superseded));
        Ok(Ok(Stored { position, fresh: Some((entry, supersedes)) }))
    }

    fn bring(
        &mut self,
        entries: Vec<(Entry, Option<u64>)>,
        broker: &Broker,
        now_ms: u64,
    ) -> Result<(), String> {
        let touched: Vec<ChannelName> =
            entries.iter().map(|(entry, _)| entry.channel.clone()).collect();
        for (entry, supersedes) in entries {
            broker.ingest(entry, supersedes).map_err(|error| error.to_string())?;
        }
        touched.iter().for_each(|name| self.retain(name, broker, now_ms));
        Ok(())
    }

    fn retain(&mut self, name: &ChannelName, broker: &Broker, now_ms: u64) {
        let Some(stored) = self.channels.get_mut(name.as_str()) else { return };
        while stored.is_over(&broker.options(name).retention, broker, now_ms) {
            stored.lose_oldest(broker);
        }
    }

    /// Some of what was asked for has been read; the readers that wait for it are woken.
    fn fetch(&mut self) {
        let Self { waiting, rng, .. } = self;
        waiting.retain(|waiting| !waiting.is_gone() && rng.u8(..) >= 64);
    }

    /// Has one who asks for a place wait, now and then.
    fn has_wait(&mut self, context: ReadContext<'_>) -> bool {
        if self.is_calm || self.rng.bool() {
            return false;
        }
        let waiting = context.wait();
        let waits = waiting.is_some();
        self.waiting.extend(waiting);
        self.waits += u64::from(waits);
        waits
    }

    /// What there is in a range.
    fn read(&self, channel: &str, after: u64, upto: u64, bytes_max: usize) -> ArchiveRead {
        let (mut cold, mut messages, mut bytes) = (ArchiveRead::default(), Vec::new(), 0);
        let rows = self.channels.get(channel).into_iter().flat_map(|stored| stored.after(after));
        for (offset, row) in rows.take_while(|(offset, _)| **offset <= upto) {
            if bytes >= bytes_max {
                cold.next = Some(*offset);
                break;
            }
            bytes += row.entry.draft.bytes() + ROW_BYTES;
            if row.is_rotten {
                cold.lost = *offset;
            } else {
                messages.push(Arc::new(Message::unheld(row.entry.clone())));
            }
        }
        cold.messages = messages.into();
        cold
    }

    /// Somebody asks: something may happen before he is answered.
    fn disturb(&mut self, channel: &ChannelName) {
        let Self { channels, broker, rng, is_calm, .. } = self;
        if let (Some(stored), Some(broker)) = (channels.get_mut(channel.as_str()), broker)
            && !*is_calm
            && rng.u8(..) < 16
        {
            stored.lose_oldest(broker);
        }
    }
}

impl SimChannel {
    /// What retention may take: of a compacted channel the tombstones.
    fn removable(&self, broker: &Broker) -> impl Iterator<Item = (&u64, &Entry)> {
        let is_compacted = broker.options(&self.name).compaction.is_some();
        let entries = self.rows.iter().map(|(offset, row)| (offset, &row.entry));
        entries.filter(move |(_, entry)| !is_compacted || entry.draft.content.is_nothing())
    }

    /// What that is.
    fn loss(&self, broker: &Broker) -> LossKind {
        let compaction = broker.options(&self.name).compaction;
        compaction.map_or(LossKind::Messages, |_| LossKind::Tombstones)
    }

    fn is_over(&self, retention: &Retention, broker: &Broker, now_ms: u64) -> bool {
        let Some((_, oldest)) = self.removable(broker).next() else { return false };
        let bytes = |(_, entry): (&u64, &Entry)| entry.draft.bytes() + ROW_BYTES;
        let count = self.removable(broker).count();
        count > retention.messages_max
            || count > 1 && self.removable(broker).map(bytes).sum::<usize>() > retention.bytes_max
            || oldest.time_ms + retention.age_max_ms <= now_ms
    }

    fn lose_oldest(&mut self, broker: &Broker) {
        let Some(offset) = self.removable(broker).next().map(|(offset, _)| *offset) else { return };
        let loss = self.loss(broker);
        match loss {
            LossKind::Tombstones => broker.lose_one(&self.name, offset, loss),
            LossKind::Messages => broker.lose(&self.name, offset, loss),
        }
        self.rows.remove(&offset);
        self.taken = self.taken.max(offset);
        // So that the broker need not remember the channel.
        if self.rows.is_empty() {
            broker.lose(&self.name, self.last, loss);
        }
    }

    fn after(&self, after: u64) -> impl Iterator<Item = (&u64, &Row)> {
        self.rows.range((Bound::Excluded(after), Bound::Unbounded))
    }
}

impl Archive for SimStore {
    fn read(
        &self,
        channel: &ChannelName,
        after: u64,
        upto: u64,
        bytes_max: usize,
        context: ReadContext<'_>,
    ) -> Poll<ArchiveRead> {
        let mut inner = lock(&self.inner);
        let name = channel.as_str();
        let question = |reader| (reader, context.as_of(), name.to_owned(), after, upto, bytes_max);
        if let Some(mut cold) = context.reader().and_then(|by| inner.answers.remove(&question(by)))
        {
            let broker = inner.broker.as_ref();
            let is_compacted =
                broker.is_some_and(|broker| broker.options(channel).compaction.is_some());
            let taken = inner.channels.get(name).map_or(0, |stored| stored.taken);
            let is_held = |message: &&Arc<Message>| is_compacted || message.offset() > taken;
            cold.messages = cold.messages.iter().filter(is_held).cloned().collect();
            inner.reads += u64::try_from(cold.messages.len()).unwrap_or(0);
            return Poll::Ready(cold);
        }
        if !inner.is_calm
            && inner.rng.bool()
            && let Some(waiting) = context.wait()
        {
            let cold = inner.read(name, after, upto, bytes_max);
            inner.answers.insert(question(waiting.reader()), cold);
            inner.waiting.push(waiting);
            inner.waits += 1;
            return Poll::Pending;
        }
        inner.disturb(channel);
        let cold = inner.read(name, after, upto, bytes_max);
        inner.reads += u64::try_from(cold.messages.len()).unwrap_or(0);
        Poll::Ready(cold)
    }

    fn first_since(
        &self,
        channel: &ChannelName,
        time_ms: u64,
        context: ReadContext<'_>,
    ) -> Poll<Option<u64>> {
        let mut inner = lock(&self.inner);
        if inner.has_wait(context) {
            return Poll::Pending;
        }
        inner.disturb(channel);
        let stored = inner.channels.get(channel.as_str());
        let mut rows = stored.into_iter().flat_map(|stored| stored.rows.iter());
        let first = rows.find(|(_, row)| row.entry.time_ms >= time_ms);
        Poll::Ready(first.map(|(offset, _)| *offset))
    }

    fn back(
        &self,
        channel: &ChannelName,
        before: u64,
        count: usize,
        context: ReadContext<'_>,
    ) -> Poll<Vec<(u64, usize)>> {
        let mut inner = lock(&self.inner);
        if inner.has_wait(context) {
            return Poll::Pending;
        }
        let Some(stored) = inner.channels.get(channel.as_str()) else {
            return Poll::Ready(Vec::new());
        };
        let rows = stored.rows.range(..before).rev().filter(|(_, row)| !row.is_rotten);
        let found = rows.map(|(offset, row)| (*offset, row.entry.draft.bytes()));
        Poll::Ready(found.take(count).collect())
    }

    fn order(&self, after: u64, _: ReadContext<'_>) -> Poll<Option<Stretch>> {
        let mut inner = lock(&self.inner);
        let Inner { channels, rng, .. } = &mut *inner;
        let any = rng.choice(channels.values()).map(|stored| stored.name.clone());
        any.iter().for_each(|channel| inner.disturb(channel));
        let Some((first, _)) = inner.order.range(after.saturating_add(1)..).next() else {
            return Poll::Ready(None);
        };
        let next = inner.order.range(first..).zip(*first..);
        let consecutive = next.take_while(|((is, _), at)| *is == at).take(STRETCH_MAX);
        let channels: Vec<ChannelName> =
            consecutive.map(|((_, channel), _)| channel.clone()).collect();
        let entries = (1..).take(channels.len()).collect();
        Poll::Ready(Some(Stretch { first: *first, channels, entries }))
    }

    fn place_since(&self, time_ms: u64, _: ReadContext<'_>) -> Poll<Option<u64>> {
        let inner = lock(&self.inner);
        let rows = inner.channels.values().flat_map(|stored| &stored.rows);
        let since = rows.filter(|(_, row)| row.entry.time_ms >= time_ms);
        Poll::Ready(since.map(|(offset, _)| offset - 1).min().or(Some(u64::MAX)))
    }

    fn oldest(&self) -> Option<u64> {
        let inner = lock(&self.inner);
        let oldest =
            inner.channels.values().filter_map(|stored| stored.rows.keys().next().copied());
        oldest.min().or(Some(u64::MAX))
    }
}

/// Holds what an engine asks first of all against what was found of a draft.
fn check_options(
    options: &Options,
    permit: &Permit,
    draft: &Draft,
    found: Option<&AppendError>,
) -> Result<(), String> {
    let is_asked_first = |error: &&AppendError| {
        matches!(error, AppendError::NotAllowed { .. } | AppendError::Draft(DraftError::KeyMissing))
    };
    let (answer, due) = (options.validate(permit, draft).err(), found.filter(is_asked_first));
    if answer.as_ref() == due { Ok(()) } else { Err(format!("{answer:?}, where {due:?} was due")) }
}

/// The tombstones due to values that nothing has renewed, the oldest first.
pub(crate) fn expired(
    history: &History,
    epoch: u64,
    channel: &str,
    broker: &Broker,
    now_ms: u64,
) -> Vec<Draft> {
    let options = channel.parse().ok().map(|name| broker.options(&name));
    let age_max_ms = options.and_then(|options| options.compaction?.age_max_ms);
    let Some(age_max_ms) = age_max_ms else { return Vec::new() };
    let old = history.of_channel(epoch, channel);
    let old = old.filter(|(_, entry)| entry.is_value() && entry.time_ms + age_max_ms <= now_ms);
    let mut drafts: Vec<Draft> = old
        .map(|(_, entry)| Draft { key: entry.draft.key.clone(), ..Draft::new(Content::Nothing) })
        .collect();
    drafts.reverse();
    drafts
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many offsets of the order it returns at once.
const STRETCH_MAX: usize = 8;

/// What a row takes beside what it carries.
const ROW_BYTES: usize = 100;
