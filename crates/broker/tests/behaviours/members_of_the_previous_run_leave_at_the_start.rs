//! A log that outlives its server lists members whose connections ended with it. When the next server starts, they leave.
#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::{may_look_back, may_read};
use tidewire_broker::{Broker, Gathered, Grant, Limits, Options, Reader, Rules, Start};

fn join(broker: &Broker, channel: &str, connection: &str) {
    let permit = Grant::open().permit_join(&channel.parse().unwrap()).unwrap();
    broker.presence_buffer().join(&permit, &connection.parse().unwrap(), "1".into()).unwrap();
}

fn leave(broker: &Broker, channel: &str, connection: &str) {
    broker.presence_buffer().leave(&channel.parse().unwrap(), &connection.parse().unwrap());
}

fn publish_changes(broker: &Broker) -> usize {
    let changes = broker.presence_buffer().take_changes();
    for change in &changes {
        let (permit, draft) = change.publish();
        broker.append(permit, draft, 5).unwrap();
    }
    changes.len()
}

/// The joins and leaves in the log.
fn changes_in_log(broker: &Broker) -> Vec<String> {
    let (mut reader, _) =
        Reader::once(broker, &may_read("$presence.>"), Start::Earliest(may_look_back()));
    let (mut gathered, mut changes) = (Gathered::default(), Vec::new());
    while !gathered.is_caught_up() {
        reader.gather(broker, broker.head(), 1 << 20, &mut gathered);
        let names = gathered.messages().map(|it| format!("{} {}", it.channel(), it.key().unwrap()));
        changes.extend(names);
        reader.advance(&gathered, gathered.items().len());
    }
    changes
}

#[test]
fn members_of_the_previous_run_leave_at_the_start() {
    let rules = Rules::all(Options { presence: true, ..Options::default() });
    let broker = Broker::new(7, Limits { rules, ..Limits::default() });
    for n in 0..3_000 {
        join(&broker, &format!("room.{}", n % 40), &format!("c{n}"));
    }
    assert_eq!(publish_changes(&broker), 3_000);
    (0..1_000).for_each(|n| leave(&broker, &format!("room.{}", n % 40), &format!("c{n}")));
    assert_eq!((publish_changes(&broker), changes_in_log(&broker).len()), (1_000, 2_000));

    broker.clear_presence();
    join(&broker, "room.1", "new");
    assert_eq!(publish_changes(&broker), 2_001);
    assert_eq!(changes_in_log(&broker), ["$presence.room.1 new"]);
}
