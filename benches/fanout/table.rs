//! A run as a person reads it.

use crate::goals::{self, Goal};
use crate::record::Record;
use crate::row::{Row, Spread};
use crate::subject::{Subject, Who};

/// Prints the rows of each load, then the peers that are absent, then the goals.
pub(crate) fn print(record: &Record) {
    let plan = &record.plan;
    println!("\n{}", record.title());
    println!("{} connections, {} B a message; {}", plan.connections, plan.bytes, record.cores);
    for load in &plan.loads {
        println!("\n{load}, {:.0} s each", plan.time(*load).as_secs_f64());
        println!(
            "  {:<24}{:>26}{:>8}{:>9}{:>9}{:>14}{:>12}{:>8}",
            "",
            "CPU us a delivery (range)",
            "user us",
            "x floor",
            "x uWS",
            "deliveries/s",
            "a core",
            "a read"
        );
        for row in record.rows.iter().filter(|row| row.load == *load) {
            println!("{}", line(record, row));
        }
    }
    for version in &record.versions {
        println!("{}: {}", version.who.name(), version.version);
    }
    for absent in &record.absent {
        println!("absent: {}: {}", Who::Peer(absent.peer).name(), absent.reason);
    }
    println!("\n{:<78} {:>7} {:>7}", "goal", "bound", "figure");
    goals::judge(record).iter().for_each(|goal: &Goal| println!("{goal}"));
    println!("no allocation a delivery: asserted by {ALLOCATION_TESTS}");
}

fn line(record: &Record, row: &Row) -> String {
    let subject = row.subject;
    let cost = row.cpu_us().map_or_else(String::new, |Spread { median, min, max }| {
        format!("{median:.3} ({min:.3}-{max:.3})")
    });
    let median = |spread: Option<Spread>| spread.map(|spread| spread.median);
    let user = row.user_us().map(|us| format!("{us:.3}")).unwrap_or_default();
    let rate = median(row.per_second()).map(|rate| format!("{rate:.0}")).unwrap_or_default();
    let core = median(row.per_core()).map(|rate| format!("{rate:.0}")).unwrap_or_default();
    let read = median(row.per_read()).map(|count| format!("{count:.1}")).unwrap_or_default();
    let floor = ratio(record, row, Subject { wire: subject.wire, ..Subject::FLOOR });
    let uws = ratio(record, row, Subject::UWS);
    let name = format!("{}, {}", subject.who.name(), subject.wire.name());
    let mut line =
        format!("  {name:<30}{cost:>20}{user:>8}{floor:>9}{uws:>9}{rate:>14}{core:>12}{read:>8}");
    if row.marks().is_empty() {
        return line;
    }
    line += "  ";
    line += &row.marks().join("; ");
    line
}

fn ratio(record: &Record, row: &Row, other: Subject) -> String {
    let cost = |row: &Row| Some(row.cpu_us()?.median);
    let theirs = record.row(other, row.load).and_then(cost);
    cost(row).zip(theirs).map(|(ours, theirs)| format!("{:.2}", ours / theirs)).unwrap_or_default()
}

/// What to say once a row has another round.
pub(crate) fn progress(round: u64, row: &Row) -> String {
    let Row { subject, load, .. } = row;
    let name = format!("{}, {}", subject.who.name(), subject.wire.name());
    let found = match (&row.broke_off, row.rounds.last()) {
        (Some(why), _) => format!("broke off: {why}"),
        (None, Some(last)) => {
            format!("{:.3} us a delivery", last.cpu * 1e6 / last.delivered.max(1) as f64)
        }
        (None, None) => String::new(),
    };
    format!("round {round}, {load}: {name}: {found}")
}

const ALLOCATION_TESTS: &str = "`cargo test -p tidewire --lib allocations`";
