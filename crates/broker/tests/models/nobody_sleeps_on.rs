//! Two publishers and a sleeper, who is woken for every message and reads each once.

use crate::{
    common::{broker, may_look_back, publish_times},
    explore,
    sleeper::Sleeper,
};
use shuttle::thread;
use tidewire_broker::Start;

fn two_publish_while_one_sleeps(pattern: &str, channels: [&'static str; 2]) {
    let broker = broker(100);
    let mut sleeper = Sleeper::new(&broker, broker.lane().unwrap(), pattern, Start::Now);
    let publishers = channels.map(|channel| {
        let broker = broker.clone();
        thread::spawn(move || publish_times(&broker, channel, 2))
    });
    sleeper.run(&broker, 4);
    assert_eq!(sleeper.seen, [1, 2, 3, 4]);
    publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
}

#[test]
fn a_sleeper_on_one_channel_is_woken_for_every_message() {
    explore(|| two_publish_while_one_sleeps("c", ["c", "c"]));
}

#[test]
fn a_sleeper_on_a_pattern_is_woken_for_every_message() {
    explore(|| two_publish_while_one_sleeps("c.*", ["c.x", "c.y"]));
}

#[test]
fn sleepers_of_two_lanes_are_woken_for_every_message() {
    explore(|| {
        let broker = broker(100);
        let sleepers = ["c", ">"].map(|pattern| {
            let (broker, lane) = (broker.clone(), broker.lane().unwrap());
            thread::spawn(move || {
                let mut sleeper =
                    Sleeper::new(&broker, lane, pattern, Start::Earliest(may_look_back()));
                sleeper.run(&broker, 2);
                assert_eq!(sleeper.seen, [1, 2]);
            })
        });
        publish_times(&broker, "c", 2);
        sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
    });
}
