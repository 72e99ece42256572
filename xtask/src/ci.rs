//! `cargo xtask ci`: which steps there are, their order, and how a run of them reads.

use crate::install::Need;
use crate::workspace::Workspace;
use crate::{arrows, autobahn, fuzz, install, instructions, no_std, steps, tidy};
use anyhow::{Context as _, Result, bail};
use std::time::{Duration, Instant};

/// One thing that must hold; also a command of its own.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) does: &'static str,
    /// What a run of several steps installs first, once somebody agreed.
    pub(crate) needs: &'static [Need],
    /// Takes the arguments that follow the step's name when it is called alone.
    pub(crate) run: fn(&Workspace, &[String]) -> Result<()>,
}

/// From cheap to dear. [`END_TO_END`] stays last: a run ends with the test runner's own lines.
pub(crate) const STEPS: [Step; 15] = [
    plain("fmt", "every file is as rustfmt leaves it", steps::fmt),
    plain("arrows", "crates import downwards only", arrows::run),
    plain("tidy", "lengths, opening docs, leftovers, manifests", tidy::run),
    plain("no-std", "the codecs need no std and no other crate", no_std::run),
    plain("clippy", "no warning in any target", steps::clippy),
    plain("docs", "rustdoc without a warning", steps::docs),
    plain("test", "unit, integration and doc tests", steps::test),
    Step {
        name: "instructions",
        does: "the codecs cost what the record says",
        needs: &instructions::NEEDS,
        run: instructions::run,
    },
    Step {
        name: "fuzz",
        does: "the codecs against slow models, a minute each",
        needs: &fuzz::NEEDS,
        run: fuzz::run,
    },
    plain("models", "what races in the broker, in many orders", steps::models),
    plain("simulate", "10,000 seeds of the simulated world", steps::simulate),
    plain("crash", "nothing answered is lost by crashes, torn tails, a full disk", steps::crash),
    plain("hostile", "attacks leave no memory, no work, nobody unserved", steps::hostile),
    Step {
        name: "autobahn",
        does: "the Autobahn suite; --compression, --write",
        needs: &[Need::Python, Need::Kosoku],
        run: autobahn::run,
    },
    Step {
        name: END_TO_END,
        does: "the real binary, real browsers, bad links",
        needs: &[
            Need::Browser,
            Need::Node,
            Need::Npm,
            Need::Playwright,
            Need::Haproxy,
            Need::Nginx,
            Need::Faketime,
            Need::Commands,
            Need::Python,
            Need::Php,
            Need::Strace,
        ],
        run: steps::e2e,
    },
];

/// A step that needs nothing but Rust.
const fn plain(
    name: &'static str,
    does: &'static str,
    run: fn(&Workspace, &[String]) -> Result<()>,
) -> Step {
    Step { name, does, needs: &[], run }
}

/// The step called `name`.
pub(crate) fn step(name: &str) -> Option<&'static Step> {
    STEPS.iter().find(|step| step.name == name)
}

/// For the steps that take no arguments.
pub(crate) fn refuse(arguments: &[String]) -> Result<()> {
    if !arguments.is_empty() {
        bail!("this step takes no arguments, not `{}`", arguments.join(" "));
    }
    Ok(())
}

/// Runs the chosen steps in their order and stops at the first that fails.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let choice = Choice::parse(arguments)?;
    for step in &choice.skipped {
        println!("not run: {} ({})", step.name, step.does);
    }
    let needs: Vec<Need> = choice.steps.iter().flat_map(|step| step.needs).copied().collect();
    install::ensure(workspace, &needs, choice.consent)?;
    let started = Instant::now();
    let mut done: Vec<(&str, Duration)> = Vec::new();
    for step in &choice.steps {
        if step.name == END_TO_END {
            print_summary(&done, started.elapsed());
        }
        println!("\n=== {}: {}", step.name, step.does);
        let step_started = Instant::now();
        (step.run)(workspace, &[]).with_context(|| {
            format!("step `{0}` failed; again, alone: cargo xtask {0}\n  because", step.name)
        })?;
        let took = step_started.elapsed();
        done.push((step.name, took));
        if step.name != END_TO_END {
            println!("=== {} ok in {:.1} s", step.name, took.as_secs_f64());
        }
    }
    if choice.steps.last().is_some_and(|step| step.name != END_TO_END) {
        print_summary(&done, started.elapsed());
    }
    Ok(())
}

fn print_summary(done: &[(&str, Duration)], total: Duration) {
    if done.is_empty() {
        return;
    }
    println!("\n{:<12}  seconds", "step");
    for (name, took) in done {
        println!("{name:<12} {:>8.1}", took.as_secs_f64());
    }
    println!("{:<12} {:>8.1}", "together", total.as_secs_f64());
}

/// What the command line asked for.
#[derive(Debug)]
struct Choice {
    steps: Vec<&'static Step>,
    skipped: Vec<&'static Step>,
    consent: install::Consent,
}

impl Choice {
    fn parse(arguments: &[String]) -> Result<Self> {
        let consent = install::Consent::from_environment();
        let mut choice = Self { steps: STEPS.iter().collect(), skipped: Vec::new(), consent };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--yes" => choice.consent = install::Consent::Given,
                "--only" => {
                    let names = arguments.next().context("`--only` wants step names")?;
                    choice.steps = parse_steps(names)?;
                }
                "--skip" => {
                    let names = arguments.next().context("`--skip` wants step names")?;
                    choice.skipped = parse_steps(names)?;
                }
                other => bail!("`ci` knows `--only`, `--skip` and `--yes`, not `{other}`"),
            }
        }
        let is_skipped = |step: &&Step| choice.skipped.iter().any(|other| other.name == step.name);
        choice.steps.retain(|step| !is_skipped(step));
        if choice.steps.is_empty() {
            bail!("no step is left to run");
        }
        Ok(choice)
    }
}

/// Reads `tidy,clippy`; the steps come back in the order in which they always run.
fn parse_steps(names: &str) -> Result<Vec<&'static Step>> {
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    if let Some(unknown) = names.iter().find(|name| step(name).is_none()) {
        let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        bail!("there is no step `{unknown}`; there are: {}", known.join(", "));
    }
    Ok(STEPS.iter().filter(|step| names.contains(&step.name)).collect())
}

const END_TO_END: &str = "e2e";

#[cfg(test)]
mod tests {
    use super::*;

    fn names(steps: &[&Step]) -> Vec<&'static str> {
        steps.iter().map(|step| step.name).collect()
    }

    #[test]
    fn chosen_steps_keep_the_order_of_a_whole_run() {
        assert_eq!(names(&parse_steps("clippy, tidy").unwrap()), ["tidy", "clippy"]);
    }

    #[test]
    fn an_unknown_step_is_refused_with_the_known_ones() {
        let error = parse_steps("tidy,tdy").unwrap_err().to_string();
        assert!(error.starts_with("there is no step `tdy`; there are: fmt, arrows"), "{error}");
    }

    #[test]
    fn a_whole_run_ends_with_the_test_runner() {
        assert_eq!(STEPS.last().unwrap().name, "e2e");
    }

    #[test]
    fn a_skipped_step_is_left_out_and_named() {
        let choice = Choice::parse(&["--skip", "instructions"].map(str::to_owned)).unwrap();
        assert_eq!(choice.steps.len(), STEPS.len() - 1);
        assert_eq!(names(&choice.skipped), ["instructions"]);
    }

    #[test]
    fn a_run_of_no_step_is_refused() {
        let words = ["--only", "tidy", "--skip", "tidy"].map(str::to_owned);
        assert_eq!(Choice::parse(&words).unwrap_err().to_string(), "no step is left to run");
    }

    #[test]
    fn an_unknown_flag_is_refused() {
        assert!(Choice::parse(&["--fast".to_owned()]).is_err());
        assert!(Choice::parse(&["--only".to_owned()]).is_err());
    }
}
