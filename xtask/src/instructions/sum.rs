//! The sums in what callgrind wrote: two lines name the events and say how many there were of each.
//!
//! Apart so that it is seen in tests. The format: <https://valgrind.org/docs/manual/cl-format.html>.

use anyhow::{Context as _, Result, bail};

/// How many of these events there were together.
pub(super) fn total(output: &str, events: &[&str]) -> Result<u64> {
    let fields = |start| output.lines().find_map(|line: &str| line.strip_prefix(start));
    let names = fields("events: ").context("callgrind named no events")?;
    let counts = fields("summary: ").context("callgrind wrote no summary")?;
    let counts: Vec<u64> = counts
        .split_whitespace()
        .map(|count| count.parse().with_context(|| format!("no count: {count}")))
        .collect::<Result<_>>()?;
    let mut total = 0;
    for event in events {
        let at = names.split_whitespace().position(|name| name == *event);
        // Those at the end of which there were none are left out.
        let at = at.with_context(|| format!("callgrind counts no {event}: {names}"))?;
        total += counts.get(at).copied().unwrap_or(0);
    }
    if total == 0 {
        bail!("callgrind counted nothing: the function it looks for was not entered");
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = "version: 1\nevents: Ir Dr DLmr\nfn=(1) main\nsummary: 100 20 3\n";

    #[test]
    fn what_is_asked_for_is_summed_up() {
        assert_eq!(total(WRITTEN, &["Ir"]).unwrap(), 100);
        assert_eq!(total(WRITTEN, &["DLmr", "Dr"]).unwrap(), 23);
    }

    #[test]
    fn a_sum_of_nothing_is_a_fault() {
        let nothing = WRITTEN.replace("summary: 100 20 3", "summary: 0");
        for output in [&nothing, "", "events: Ir\n", "summary: 1\n"] {
            assert!(total(output, &["Ir"]).is_err(), "{output}");
        }
        assert!(total(WRITTEN, &["ILmr"]).is_err());
    }
}
