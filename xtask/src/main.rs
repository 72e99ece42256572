//! The project's own commands: what continuous integration runs, and what measures.
//!
//! `cargo xtask help` lists them. Each command has a file; this one only selects the command.

mod api;
mod arguments;
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
mod package;
mod run;
mod semver;
mod steps;
mod test;
mod tidy;
mod traces;
mod web;
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
        "ci" => run::ci(&Workspace::load()?, arguments)?,
        "test" => test::run_quick(&Workspace::load()?, arguments)?,
        "nightly" => run::nightly(Workspace::load()?, arguments)?,
        "install" => install::run(&Workspace::load()?, arguments)?,
        "bench" => bench::run(&Workspace::load()?, arguments)?,
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
    print_steps(&ci::STEPS);
    print!("{HELP_NIGHTLY}");
    print_steps(&ci::NIGHTLY_ONLY);
    print!("{HELP_TAIL}");
}

fn print_steps(steps: &[ci::Step]) {
    for step in steps {
        println!("  {:<17}{}", step.name, step.does);
    }
}

const HELP_HEAD: &str = "\
The project's own commands.

Usage: cargo xtask COMMAND [ARGUMENTS]

Several steps in one run:
  test             the inner loop, within two minutes once it is built: unit and integration tests, a hundred
                   seeds of the simulation, the quick end-to-end tests; needs nothing but Rust
                     broker server        only the tests of these packages
                     resume               only tests whose name contains this, all end-to-end tests included
  ci               every step of the next list in its short form; about 20 minutes on two cores
                     --only tidy,clippy   only these steps
                     --skip instructions  all but these steps
                     --yes                install without asking what the steps need, as with CI=true
  nightly          every step of the next two lists in its full form, with the server that ships;
                   many hours; --only, --skip and --yes as for ci
  install          only install what the steps of ci need from apt, npm, crates.io and PyPI
                     --yes                without asking

One step (further arguments go to the cargo command or the program behind it):
";

const HELP_NIGHTLY: &str = "
One step of nightly alone (further arguments go to the cargo command behind it):
";

const HELP_TAIL: &str = "
Some steps take arguments of their own:
  fuzz             --seconds 3600 ws_frame  one target for an hour
                   ws_frame INPUT           run one input again
                   --minimise               reduce the committed inputs to the fewest
  models           --orders 20000           more orders of the threads
  simulate         --seed 7                 one seed, in detail; --seeds 500 tries so many
  crash            --rounds 200             more crashes
  clients          --seed 7                 one world, in detail; --seeds 500 runs so many
                   --planted                plants faults, which the worlds have to find
  hostile          bodies --seconds 4       one attack, in full; --help lists them
  autobahn         --compression            the cases of RFC 7692; --write records the results
  instructions     --write REASON           record the new counts
  api              --max-examples 500       more requests of schemathesis; --seed 7
  interop          curl websockets          only clients of these names; --write renews docs/interop.md
  package          deb image                only these of program, glibc, deb, image, kubernetes
                     --profile dev        built like that, not as it ships
                     --here               installs the Debian package on this machine, which it changes
  web              --test-name-pattern X    only the tests whose name matches
  e2e              NAME                     only the tests whose name contains this

Run and measure, always in release:
  serve            start the server: cargo xtask serve --listen 127.0.0.1:0
  bench fanout     the cost of a delivery, beside a plain loop of `send`; --short for a first look
                     --peer nchan --peer uws --peer node-ws --peer actix-ws
                                          also measure these servers; writes a record and charts
                     --load 100 --yes     one load; install without asking; --help has the rest
                     --without-metrics    what counting costs, beside a build that counts no delivery
  bench idle       resident memory of an idle connection
  bench hostile    what healthy subscribers notice of an attack, and the memory that it leaves behind
                     assets history       only these attacks; --help lists them
  bench drain      10,000 clients of a server that is asked to end, and of the one that follows it
  bench resume     20,000 clients that resume from disk at once after a restart
  bench codecs     the codecs beside every peer; writes a record and a chart for docs/
                     'sse decode'         only the cases of that name or group, without a record
  bench log        the durable engine: publishes a second, and the first message of a resume
  bench criterion  the criterion benches of the codecs and of the broker
";
