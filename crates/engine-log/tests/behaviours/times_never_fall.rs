//! A clock that was set back between two lives does not show: times rise with offsets.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::{disk::Machine, may_look_back, open_at, publish_at, read, settings, text};
use tidewire_broker::{Options, Retention, Start};

#[test]
fn times_never_fall() {
    let machine = Machine::default();
    let retention = Retention { age_max_ms: u64::MAX, ..Retention::default() };
    let settings = settings(Options { retention, ..Options::default() });
    for (life, clock_ms) in [9_000, 4_000, 6_000, 12_000].into_iter().enumerate() {
        let (engine, broker) = open_at(&machine, &settings, clock_ms).unwrap();
        let name = ["a", "b"][life % 2];
        publish_at(&engine, name, text(&life.to_string()), clock_ms).unwrap();
        // Taken at 9 s, 9 s, 9 s and 12 s, whatever the clock said.
        let since = |time_ms| read(&broker, "*", Start::Time(time_ms, may_look_back())).len();
        assert_eq!((since(9_000), since(9_001)), (life + 1, usize::from(life == 3)), "life {life}");
    }
}
