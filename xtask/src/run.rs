//! `cargo xtask ci` and `cargo xtask nightly`: which steps a run has, and how it reads.

use crate::ci::{END_TO_END, NIGHTLY_ONLY, STEPS, Step};
use crate::install::{self, Need};
use crate::semver;
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, bail};
use std::time::{Duration, Instant};

/// Every step of continuous integration, or those that the arguments choose, each in its short form.
pub(crate) fn ci(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    run(workspace, &Choice::parse("ci", STEPS.iter().collect(), arguments)?, |_| &[&[]])
}

/// Every step in its full form, on the server that ships, and what takes hours.
pub(crate) fn nightly(workspace: Workspace, arguments: &[String]) -> Result<()> {
    let workspace = Workspace { tests_what_ships: true, ..workspace };
    let mut choice = Choice::parse("nightly", nightly_steps(), arguments)?;
    if !semver::has_release(&workspace) {
        println!("not run: semver, since there is no release to compare with");
        choice.steps.retain(|step| step.name != "semver");
    }
    run(&workspace, &choice, |step| step.nightly)
}

/// The steps of a nightly run in their order.
fn nightly_steps() -> Vec<&'static Step> {
    let mut steps: Vec<&Step> = STEPS.iter().chain(&NIGHTLY_ONLY).collect();
    steps.sort_by_key(|step| step.name == END_TO_END);
    steps
}

/// Runs the chosen steps in their order and stops at the first that fails.
fn run(workspace: &Workspace, choice: &Choice, runs: fn(&Step) -> Runs) -> Result<()> {
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
        for arguments in runs(step) {
            let words: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
            (step.run)(workspace, &words).with_context(|| {
                let line = [&[step.name], *arguments].concat().join(" ");
                format!("step `{}` failed; again, alone: cargo xtask {line}\n  because", step.name)
            })?;
        }
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

/// The arguments of each run of a step.
type Runs = &'static [&'static [&'static str]];

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
    /// Reads the arguments of `command`, which has the steps `all`.
    fn parse(command: &str, all: Vec<&'static Step>, arguments: &[String]) -> Result<Self> {
        let consent = install::Consent::from_environment();
        let mut choice = Self { steps: all.clone(), skipped: Vec::new(), consent };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--yes" => choice.consent = install::Consent::Given,
                "--only" => {
                    let names = arguments.next().context("`--only` wants step names")?;
                    choice.steps = parse_steps(names, &all)?;
                }
                "--skip" => {
                    let names = arguments.next().context("`--skip` wants step names")?;
                    choice.skipped = parse_steps(names, &all)?;
                }
                other => {
                    bail!("`{command}` knows `--only`, `--skip` and `--yes`, not `{other}`")
                }
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
fn parse_steps(names: &str, all: &[&'static Step]) -> Result<Vec<&'static Step>> {
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    let known: Vec<&str> = all.iter().map(|step| step.name).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        bail!("there is no step `{unknown}`; there are: {}", known.join(", "));
    }
    Ok(all.iter().filter(|step| names.contains(&step.name)).copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(steps: &[&Step]) -> Vec<&'static str> {
        steps.iter().map(|step| step.name).collect()
    }

    fn parse(arguments: &[&str]) -> Result<Choice> {
        let words: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
        Choice::parse("ci", STEPS.iter().collect(), &words)
    }

    #[test]
    fn chosen_steps_keep_the_order_of_a_whole_run() {
        assert_eq!(names(&parse(&["--only", "clippy, tidy"]).unwrap().steps), ["tidy", "clippy"]);
    }

    #[test]
    fn an_unknown_step_is_refused_with_the_known_ones() {
        let error = parse(&["--only", "tidy,tdy"]).unwrap_err().to_string();
        assert!(error.starts_with("there is no step `tdy`; there are: fmt, arrows"), "{error}");
    }

    #[test]
    fn a_nightly_run_has_every_step_of_ci_and_more_and_ends_alike() {
        let nightly = names(&nightly_steps());
        assert!(STEPS.iter().all(|step| nightly.contains(&step.name)), "{nightly:?}");
        assert_eq!(nightly.len(), STEPS.len() + NIGHTLY_ONLY.len());
        assert_eq!(nightly.last(), Some(&"e2e"));
        assert!(parse(&["--only", "mutants"]).is_err());
    }

    #[test]
    fn a_skipped_step_is_left_out_and_named() {
        let choice = parse(&["--skip", "instructions"]).unwrap();
        assert_eq!(choice.steps.len(), STEPS.len() - 1);
        assert_eq!(names(&choice.skipped), ["instructions"]);
    }

    #[test]
    fn a_run_of_no_step_is_refused() {
        let error = parse(&["--only", "tidy", "--skip", "tidy"]).unwrap_err().to_string();
        assert_eq!(error, "no step is left to run");
    }

    #[test]
    fn an_unknown_flag_is_refused() {
        assert!(parse(&["--fast"]).is_err());
        assert!(parse(&["--only"]).is_err());
    }
}
