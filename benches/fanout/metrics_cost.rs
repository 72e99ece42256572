//! `--without-metrics`: what it costs a delivery that it is counted, and that somebody reads the counts.
//!
//! Beside the server as it ships there is one that was built to count no delivery. Both have each load in turn, one
//! right after the other, and the first of a round is the second of the next. So each round gives a ratio of its own.

use crate::cores::Cores;
use crate::cpu;
use crate::plan::{Load, Plan};
use crate::record::Record;
use crate::round::{self, Round};
use crate::row::Spread;
use crate::subject::{Subject, Who};
use crate::wire::Wire;
use anyhow::Result;

/// All rounds of a load over one wire.
#[derive(Debug)]
struct Comparison {
    load: Load,
    wire: Wire,
    /// By the place in [`SUBJECTS`].
    rounds: [Vec<Round>; SUBJECTS.len()],
}

/// Measures the loads of `plan`, prints what was found, and says how many figures are above the bound.
///
/// # Errors
///
/// A server does not start, or does not count as its build says.
pub(crate) fn measure(plan: &Plan) -> Result<usize> {
    let cores = Cores::find()?;
    let busy = cpu::busy_share();
    cores.be_generator()?;
    let record = Record::begin(plan.clone(), cores.describe(), busy);
    let loads = plan.loads.iter().flat_map(|load| WIRES.map(|wire| (*load, wire)));
    let mut comparisons: Vec<Comparison> =
        loads.map(|(load, wire)| Comparison { load, wire, rounds: Default::default() }).collect();
    for round in 1..=plan.rounds {
        for comparison in &mut comparisons {
            comparison.measure(round, plan, &cores)?;
        }
    }
    println!("\n{}", record.title());
    println!("{} connections, {} B a message; {}", plan.connections, plan.bytes, record.cores);
    println!(
        "\n{:<28}{:>12}{:>12}{:>12}{:>26}{:>26}",
        "CPU us a delivery", "uncounted", "counted", "scraped", "counting costs", "with scrapes"
    );
    let mut above = 0;
    for comparison in &comparisons {
        let costs = [1, 2].map(|place| comparison.cost(place));
        above += costs.iter().flatten().filter(|cost| cost.median > COST_MAX).count();
        println!("{}", comparison.line(costs));
    }
    println!("\nbound: {} % of the throughput; {above} figures are above it", COST_MAX * 100.0);
    Ok(above)
}

impl Comparison {
    fn measure(&mut self, round: u64, plan: &Plan, cores: &Cores) -> Result<()> {
        let mut places: Vec<usize> = (0..SUBJECTS.len()).collect();
        if round.is_multiple_of(2) {
            places.reverse();
        }
        for place in places {
            let subject = Subject { who: SUBJECTS[place], wire: self.wire };
            let found = round::measure(subject, self.load, plan, cores)?;
            let us = cpu_us(&found);
            println!(
                "round {round}, {}, {}: {}: {us:.3} us",
                self.load,
                self.wire.name(),
                subject.who.name()
            );
            self.rounds[place].push(found);
        }
        Ok(())
    }

    /// By which share the subject at that place delivers less in a second of processor time than the one that counts nothing.
    fn cost(&self, place: usize) -> Option<Spread> {
        let pairs = self.rounds[0].iter().zip(&self.rounds[place]);
        let whole = pairs.filter(|(one, other)| one.delivered > 0 && other.delivered > 0);
        Spread::of(whole.map(|(uncounted, counted)| 1.0 - cpu_us(uncounted) / cpu_us(counted)))
    }

    fn line(&self, costs: [Option<Spread>; 2]) -> String {
        let [uncounted, counted, scraped] = [0, 1, 2].map(|place| {
            let figures = self.rounds[place].iter().map(cpu_us);
            Spread::of(figures).map_or_else(String::new, |spread| format!("{:.3}", spread.median))
        });
        let [counting, scraping] = costs.map(|cost| {
            cost.map_or_else(String::new, |Spread { median, min, max }| {
                format!("{:.1} % ({:.1} to {:.1})", median * 1e2, min * 1e2, max * 1e2)
            })
        });
        let name = format!("{}, {}", self.load, self.wire.name());
        format!("{name:<28}{uncounted:>12}{counted:>12}{scraped:>12}{counting:>26}{scraping:>26}")
    }
}

fn cpu_us(round: &Round) -> f64 {
    round.cpu * 1e6 / round.delivered.max(1) as f64
}

/// The one that the others are compared with is first.
const SUBJECTS: [Who; 3] = [Who::Uncounted, Who::Tidewire, Who::Scraped];

const WIRES: [Wire; 2] = [Wire::Ws, Wire::Sse];

/// Which share of the throughput the metrics may cost.
const COST_MAX: f64 = 0.02;

#[cfg(test)]
mod tests {
    use super::*;

    fn round(cpu: f64) -> Round {
        Round { cpu, delivered: 1_000, ..Round::default() }
    }

    #[test]
    fn the_cost_is_the_median_of_what_each_round_says() {
        let comparison = Comparison {
            load: Load::Saturation,
            wire: Wire::Ws,
            // The machine became twice as slow in the last round, for all.
            rounds: [
                vec![round(0.98), round(0.97), round(2.0)],
                vec![round(1.00), round(1.00), round(2.0)],
                vec![round(1.00), round(1.00), round(4.0)],
            ],
        };
        let counted = comparison.cost(1).unwrap();
        assert!((counted.median - 0.02).abs() < 1e-9 && (counted.max - 0.03).abs() < 1e-9);
        assert!((comparison.cost(2).unwrap().max - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_load_that_nobody_had_has_no_cost() {
        let comparison =
            Comparison { load: Load::Saturation, wire: Wire::Sse, rounds: Default::default() };
        assert_eq!(comparison.cost(1), None);
    }
}
