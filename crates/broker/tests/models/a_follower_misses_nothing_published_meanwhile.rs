//! Following while others publish, and while another lane stops following the same channel.

use crate::{
    common::{broker, may_look_back, publish, publish_times},
    explore,
    sleeper::Sleeper,
};
use shuttle::thread;
use tidewire_broker::Start;

fn one_follows_while_another_publishes(pattern: &str, start: Start) {
    let broker = broker(100);
    let (other, lane) = (broker.clone(), broker.lane().unwrap());
    let publisher = thread::spawn(move || publish_times(&other, "c.x", 2));
    let mut sleeper = Sleeper::new(&broker, lane, pattern, start);
    sleeper.run(&broker, 2);
    assert!(sleeper.seen.iter().copied().eq(sleeper.after + 1..=2), "{:?}", sleeper.seen);
    assert!(start == Start::Now || sleeper.after == 0);
    publisher.join().unwrap();
}

#[test]
fn a_reader_from_now_on_gets_all_that_comes_after() {
    explore(|| one_follows_while_another_publishes("c.x", Start::Now));
    explore(|| one_follows_while_another_publishes("c.*", Start::Now));
}

#[test]
fn a_reader_from_the_earliest_gets_all() {
    let start = Start::after(tidewire_broker::Position { epoch: 7, offset: 0 });
    explore(move || one_follows_while_another_publishes("c.x", start));
    explore(move || one_follows_while_another_publishes("c.*", start));
}

#[test]
fn a_channel_that_another_lane_leaves_is_not_forgotten_under_a_follower() {
    explore(|| {
        let broker = broker(100);
        let (mut leaving, lane) = (broker.lane().unwrap(), broker.lane().unwrap());
        let waiter = leaving.register();
        leaving.follow(waiter, &"c".parse().unwrap());
        let other = broker.clone();
        let leaver = thread::spawn(move || {
            leaving.remove(waiter);
            publish(&other, "c");
        });
        let mut sleeper = Sleeper::new(&broker, lane, "c", Start::Earliest(may_look_back()));
        sleeper.run(&broker, 1);
        assert!(sleeper.seen.iter().copied().eq(sleeper.after + 1..=1));
        leaver.join().unwrap();
    });
}
