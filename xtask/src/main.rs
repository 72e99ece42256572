//! The project's own commands: what continuous integration runs, and what measures.
//!
//! `cargo xtask help` lists them. Each command has a file; this one only tells them apart.

mod arrows;
mod autobahn;
mod bench;
mod ci;
mod command;
mod fuzz;
mod install;
mod instructions;
mod mutants;
mod no_std;
mod semver;
mod steps;
mod tidy;
mod workspace;

use anyhow::{Result, bail};
use std::process::ExitCode;
use workspace::Workspace;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[String]) -> Result<()> {
    let Some((command, arguments)) = words.split_first() else {
        print_help();
        return Ok(());
    };
    match command.as_str() {
        "help" | "--help" | "-h" => print_help(),
        "ci" => ci::run(&Workspace::load()?, arguments)?,
        "install" => install::run(&Workspace::load()?, arguments)?,
        "bench" => bench::run(&Workspace::load()?, arguments)?,
        "mutants" => mutants::run(&Workspace::load()?, arguments)?,
        "semver" => semver::run(&Workspace::load()?, arguments)?,
        "serve" => bench::serve(&Workspace::load()?, arguments)?,
        name => match ci::step(name) {
            Some(step) => (step.run)(&Workspace::load()?, arguments)?,
            None => bail!("there is no command `{name}`; `cargo xtask help` lists them"),
        },
    }
    Ok(())
}

fn print_help() {
    print!("{HELP_HEAD}");
    for step in &ci::STEPS {
        println!("  {:<17}{}", step.name, step.does);
    }
    print!("{HELP_TAIL}");
}

const HELP_HEAD: &str = "\
The project's own commands.

Usage: cargo xtask COMMAND [ARGUMENTS]

Everything:
  ci               install what the steps need, then run every step below, in this order
                     --only tidy,clippy   these steps alone
                     --skip instructions  all but these steps
                     --yes                install without asking, as with CI=true
  install          only install: what the steps need from apt, npm, crates.io and PyPI

One step (further arguments go to the cargo command behind it):
";

const HELP_TAIL: &str = "
Run and measure, always in release:
  serve            start the server: cargo xtask serve --listen 127.0.0.1:0
  bench fanout     what a delivery costs, beside a plain loop of `send`; --short for a look
                     --peer nchan --peer uws --peer node-ws --peer actix-ws
                                          beside these servers, which it installs; a record and charts
                     --load 100 --yes     one load; install without asking; --help has the rest
  bench idle       resident memory of an idle connection
  bench hostile    what healthy subscribers notice of an attack, and what it leaves behind
                     assets history       these attacks alone; --help lists them
  bench resume     20,000 clients that resume from disk at once after a restart
  bench codecs     the codecs beside every peer, with a record and a chart for docs/
                     'sse decode'         the cases of that name or group alone, and no record
  bench criterion  the criterion benches of the codecs and of the broker

Too long for every run:
  mutants          whether a test notices when a codec is changed
  semver           whether a codec's interface changed by more than its version
  fuzz             with --seconds 3600 ws_frame, an hour of one target; with --minimise, fewer inputs
";
