//! Followers of wildcards in the broker: what a message costs, or a channel, where there are many.
//!
//! Each case has far more channels than news, or than messages: what is counted must not grow with
//! them. Apart from the codecs' cases, whose record a bigger program would change.

use std::{
    collections::HashMap,
    hint::black_box,
    sync::Arc,
    task::{Context, Poll, Waker},
};
use tidewire_broker::{
    Archive, ArchiveRead, Broker, ChannelName, Compaction, Content, Draft, Entry, Gathered, Grant,
    Lane, Limits, LossKind, Message, Messages, Options, ReadContext, Reader, Rules, Start, Stretch,
    SubscribePermit, WaiterId,
};

/// One thing to count: its name, what the count is divided by, and what makes it ready.
type Case = (&'static str, usize, fn(usize) -> Run);
type Run = Box<dyn FnMut() -> usize>;

const CASES: [Case; 6] = [
    ("live-over-100-of-10000-channels", 16_000, live),
    ("from-earliest-over-20000-channels", 20_000, catch_up),
    // The same number of messages; `cargo xtask instructions` holds one against the other.
    ("archived-in-1000-channels", 20_000, |messages| catch_up_archived(messages, 1_000)),
    ("archived-in-20000-channels", 20_000, |messages| catch_up_archived(messages, 20_000)),
    ("past-20000-tombstones", 20_000, pass_tombstones),
    ("news-for-200-that-never-read", 4_000, notify),
];

fn main() {
    match std::env::args().nth(1) {
        None => CASES.iter().for_each(|(name, messages, _)| println!("{name},{messages}")),
        Some(wanted) => {
            let case = CASES.iter().find(|(name, ..)| *name == wanted);
            let (name, messages, prepare) = case.expect("the name of a case");
            let mut run = prepare(*messages);
            assert_eq!(only_this_is_counted(&mut *run), *messages, "{name}");
        }
    }
}

/// Where counting begins and ends; its name is looked for in the binary.
#[inline(never)]
fn only_this_is_counted(run: &mut dyn FnMut() -> usize) -> usize {
    let handled = run();
    // Something is left to do here, so that the call cannot become a jump.
    black_box(handled)
}

/// Everyone reads what is new in every hundredth channel, round after round.
fn live(messages: usize) -> Run {
    let (broker, names) = filled(10_000, Options::default());
    let mut lane = broker.lane().unwrap();
    let mut readers: Vec<(WaiterId, Reader)> =
        (0..20).map(|_| follower(&broker, &mut lane)).collect();
    Box::new(move || {
        let (mut gathered, mut handled) = (Gathered::default(), 0);
        while handled < messages {
            names.iter().step_by(100).for_each(|name| publish(&broker, name, None));
            run_until_idle(&mut lane);
            for (waiter, reader) in &mut readers {
                lane.take_news(*waiter).into_iter().for_each(|news| reader.note(news));
                handled += read_all(&broker, reader, lane.read_limit(), &mut gathered);
                lane.sleep(*waiter, Waker::noop(), None);
            }
        }
        handled
    })
}

fn catch_up(channels: usize) -> Run {
    let (broker, _) = filled(channels, Options::default());
    Box::new(move || read_from_earliest(&broker))
}

/// After a restart, with hardly anything in memory.
fn catch_up_archived(messages: usize, channels: usize) -> Run {
    let archive = Arc::new(TestArchive::filled(messages, channels));
    let limits = Limits { bytes_max: 160 * 64, ..Limits::default() };
    let head = u64::try_from(messages).unwrap();
    let broker = Broker::with_archive(1, head, limits, Arc::<TestArchive>::clone(&archive));
    for (name, messages) in &archive.messages {
        broker.restore(name, messages.last().unwrap().offset(), 0, LossKind::Messages);
    }
    broker.restore_order();
    Box::new(move || read_from_earliest(&broker))
}

/// A page that finds nothing, for all there was has been removed.
fn pass_tombstones(channels: usize) -> Run {
    let compaction = Some(Compaction::default());
    let (broker, names) = filled(channels, Options { compaction, ..Options::default() });
    let removal = || Draft { key: Some("k".parse().unwrap()), ..Draft::new(Content::Nothing) };
    names.iter().for_each(|name| publish(&broker, name, Some(removal())));
    Box::new(move || {
        assert_eq!(read_from_earliest(&broker), 0);
        channels
    })
}

/// A lane sorts out news for readers that have not taken what came before.
fn notify(channels: usize) -> Run {
    let (broker, names) = filled(channels, Options::default());
    let mut lane = broker.lane().unwrap();
    let readers: Vec<(WaiterId, Reader)> = (0..200).map(|_| follower(&broker, &mut lane)).collect();
    names.iter().take(100).for_each(|name| publish(&broker, name, None));
    run_until_idle(&mut lane);
    Box::new(move || {
        names.iter().for_each(|name| publish(&broker, name, None));
        run_until_idle(&mut lane);
        black_box(&readers);
        channels
    })
}

/// An archive that costs next to nothing itself, and knows the order.
#[derive(Debug)]
struct TestArchive {
    messages: HashMap<ChannelName, Messages>,
    /// Whose message each offset is, from 1 on.
    order: Vec<ChannelName>,
}

impl TestArchive {
    /// In turns of all channels.
    fn filled(messages: usize, channels: usize) -> Self {
        let names: Vec<ChannelName> =
            (0..channels).map(|number| format!("c.{number}").parse().unwrap()).collect();
        let (mut messages_of, mut order) = (HashMap::<_, Vec<_>>::new(), Vec::new());
        for (offset, channel) in (1..).zip(names.iter().cycle().take(messages)) {
            let draft = Draft::new(Content::Text(text(128).into()));
            let entry = Entry { channel: channel.clone(), offset, time_ms: offset, draft };
            let of_channel = messages_of.entry(channel.clone()).or_default();
            of_channel.push(Arc::new(Message::unheld(entry)));
            order.push(channel.clone());
        }
        let shared = messages_of.into_iter().map(|(channel, messages)| (channel, messages.into()));
        Self { messages: shared.collect(), order }
    }
}

impl Archive for TestArchive {
    fn read(
        &self,
        channel: &ChannelName,
        after: u64,
        upto: u64,
        bytes_max: usize,
        _: ReadContext<'_>,
    ) -> Poll<ArchiveRead> {
        let messages = &self.messages[channel];
        let from = messages.partition_point(|message| message.offset() <= after);
        let in_range = messages[from..].partition_point(|message| message.offset() <= upto);
        let end = from + in_range.min(bytes_max.div_ceil(128));
        let next = messages[from..from + in_range].get(end - from).map(|message| message.offset());
        Poll::Ready(ArchiveRead { messages: messages.part(from, end), next, lost: 0 })
    }

    fn first_since(&self, _: &ChannelName, _: u64, _: ReadContext<'_>) -> Poll<Option<u64>> {
        Poll::Ready(None)
    }

    fn back(
        &self,
        _: &ChannelName,
        _: u64,
        _: usize,
        _: ReadContext<'_>,
    ) -> Poll<Vec<(u64, usize)>> {
        Poll::Ready(Vec::new())
    }

    fn order(&self, after: u64, _: ReadContext<'_>) -> Poll<Option<Stretch>> {
        let from = usize::try_from(after).unwrap() / STRETCH * STRETCH;
        let channels: Vec<ChannelName> =
            self.order.iter().skip(from).take(STRETCH).cloned().collect();
        let entries = (1..).take(channels.len()).collect();
        let first = u64::try_from(from).unwrap() + 1;
        Poll::Ready(Some(Stretch { first, channels, entries }))
    }

    fn oldest(&self) -> Option<u64> {
        Some(1)
    }
}

/// As many offsets as the engine `log` has in a block.
const STRETCH: usize = 2_048;

/// A number of channels with one message each.
fn filled(channels: usize, options: Options) -> (Broker, Vec<ChannelName>) {
    let broker = Broker::new(1, Limits { rules: Rules::all(options), ..Limits::default() });
    let names: Vec<ChannelName> =
        (0..channels).map(|number| format!("c.{number}").parse().unwrap()).collect();
    let key = || options.compaction.map(|_| "k".parse().unwrap());
    let draft = || Draft { key: key(), ..Draft::new(Content::Text(text(128).into())) };
    names.iter().for_each(|name| publish(&broker, name, Some(draft())));
    (broker, names)
}

fn publish(broker: &Broker, name: &ChannelName, draft: Option<Draft>) {
    let draft = draft.unwrap_or_else(|| Draft::new(Content::Text(text(128).into())));
    broker.append(Grant::open().permit(name).unwrap(), draft, 0).unwrap();
}

fn follower(broker: &Broker, lane: &mut Lane) -> (WaiterId, Reader) {
    let (waiter, mut reader, all) = (lane.register(), Reader::default(), [everything()]);
    lane.follow(waiter, all[0].pattern());
    reader.follow(broker, &all, Start::Now);
    lane.sleep(waiter, Waker::noop(), None);
    (waiter, reader)
}

/// What a worker does with news until none is left.
fn run_until_idle(lane: &mut Lane) {
    for _ in 0..1_000 {
        while let Poll::Ready(()) = lane.poll_news(&mut Context::from_waker(Waker::noop())) {}
        while lane.wake(64) {}
    }
}

fn everything() -> SubscribePermit {
    Grant::open().permit_subscribe(&">".parse().unwrap()).unwrap()
}

fn read_from_earliest(broker: &Broker) -> usize {
    let (mut reader, _) = Reader::once(
        broker,
        &everything(),
        Start::Earliest(Grant::open().permit_history().unwrap()),
    );
    read_all(broker, &mut reader, broker.head(), &mut Gathered::default())
}

fn read_all(broker: &Broker, reader: &mut Reader, upto: u64, gathered: &mut Gathered) -> usize {
    let mut handled = 0;
    loop {
        reader.gather(broker, upto, 64 << 10, gathered);
        handled += gathered.items().len();
        reader.advance(gathered, gathered.items().len());
        if gathered.is_caught_up() {
            return handled;
        }
    }
}

fn text(bytes: usize) -> String {
    "x".repeat(bytes)
}
