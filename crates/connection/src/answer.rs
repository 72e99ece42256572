//! Messages answered in one go: a page of history, or a long-poll's answer.

use crate::{
    Format, Limits, Subscription, Time,
    encoding::Encoding,
    start::{Lost, in_words},
};
use std::sync::Arc;
use tidewire_broker::{Broker, Gap, Gathered, Item, Message, Reader};
use tidewire_protocol::GapView;

/// Some messages, and the position behind them: the next page, or a live subscription, begins
/// there.
#[derive(Clone, Debug)]
pub struct Page {
    items: Vec<Item>,
    after: u64,
    lost: Vec<Lost>,
}

impl Page {
    /// Reads what is retained: at most `limit` messages, and about as many bytes as one gather.
    pub fn read(
        subscription: Subscription,
        limit: Option<usize>,
        broker: &Broker,
        limits: &Limits,
        time: Time,
    ) -> Self {
        let limit = limit.unwrap_or(PAGE_MESSAGES).clamp(1, limits.page_messages_max.max(1));
        // What comes after this is left to who goes on from here.
        let head = broker.head();
        let start = subscription.place.start(time);
        let (mut reader, started) = Reader::once(broker, subscription.pattern.clone(), start);
        let is_lost = started.is_foreign || subscription.place.is_foreign();
        let lost = is_lost.then_some(Lost { subscription, to: started.after });
        let mut gathered = Gathered::default();
        while !gathered.is_caught_up() && gathered.items().is_empty() {
            reader.advance(&gathered, 0);
            reader.gather(broker, head, limits.gather_bytes_max, &mut gathered);
        }
        let is_message = |item: &(usize, &Item)| matches!(item.1, Item::Message(_));
        let beyond = gathered.items().iter().enumerate().filter(is_message).nth(limit);
        let end = beyond.map_or(gathered.items().len(), |(at, _)| at);
        let items = gathered.items().iter().take(end).cloned().collect();
        reader.advance(&gathered, end);
        Self { after: reader.after().unwrap_or(head), items, lost: lost.into_iter().collect() }
    }

    pub(crate) fn new(items: Vec<Item>, after: u64, lost: Vec<Lost>) -> Self {
        Self { items, after, lost }
    }

    /// Whether there is anything to tell.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.lost.is_empty()
    }

    /// Appends it as a JSON object: `messages`, `position`, and `gaps` where there are any.
    pub fn write_json(&self, format: Format, broker: &Broker, output: &mut Vec<u8>) {
        output.push(b'{');
        self.write_fields(format, broker, output);
        output.push(b'}');
    }

    /// The same without the braces.
    pub(crate) fn write_fields(&self, format: Format, broker: &Broker, output: &mut Vec<u8>) {
        let encoding = match format {
            Format::Raw => Encoding::Value,
            Format::Json => Encoding::Object,
        };
        output.extend_from_slice(br#""messages":["#);
        write_list(self.messages(), output, |message, output| {
            output.extend_from_slice(encoding.of(message, broker));
        });
        output.extend_from_slice(br#"],"position":""#);
        in_words(broker.position(self.after)).write_to(output);
        output.push(b'"');
        let gaps = self.gaps(broker);
        if !gaps.is_empty() {
            output.extend_from_slice(br#","gaps":["#);
            write_list(gaps.iter(), output, |(channel, from, to), output| {
                let to = in_words(broker.position(*to));
                GapView { channel, from, to }.write_json(output);
            });
            output.push(b']');
        }
    }

    /// The offset behind it.
    pub(crate) fn after(&self) -> u64 {
        self.after
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = &Arc<Message>> {
        self.items.iter().filter_map(|item| match item {
            Item::Message(message) => Some(message),
            Item::Gap(_) => None,
        })
    }

    /// What is gone: of which channels, from where on, up to where.
    pub(crate) fn gaps(&self, broker: &Broker) -> Vec<(&str, String, u64)> {
        let lost = self.lost.iter().map(|Lost { subscription, to }| {
            (subscription.pattern.as_str(), subscription.place.spelling(), *to)
        });
        let gaps = self.items.iter().filter_map(|item| match item {
            Item::Gap(Gap { pattern, from, to }) => {
                Some((pattern.as_str(), in_words(broker.position(*from)).to_string(), *to))
            }
            Item::Message(_) => None,
        });
        lost.chain(gaps).collect()
    }
}

fn write_list<T>(
    items: impl Iterator<Item = T>,
    output: &mut Vec<u8>,
    write: impl Fn(T, &mut Vec<u8>),
) {
    for (at, item) in items.enumerate() {
        if at > 0 {
            output.push(b',');
        }
        write(item, output);
    }
}

/// Messages on a page of history when nobody says how many.
const PAGE_MESSAGES: usize = 100;
