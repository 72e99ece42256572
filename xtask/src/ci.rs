//! The steps of `cargo xtask ci` and of `cargo xtask nightly`: what each is called, does, needs and runs.

use crate::install::Need;
use crate::workspace::Workspace;
use crate::{
    api, arrows, autobahn, fuzz, instructions, mutants, no_std, package, semver, steps, tidy,
    traces, web,
};
use anyhow::Result;

/// One thing that must hold; also a command of its own.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) does: &'static str,
    /// What a run of several steps installs first, once somebody agreed.
    pub(crate) needs: &'static [Need],
    /// Takes the arguments that follow the step's name when it is called alone.
    pub(crate) run: fn(&Workspace, &[String]) -> Result<()>,
    /// The arguments of each of its runs by night. In CI it runs once, without arguments.
    pub(crate) nightly: &'static [&'static [&'static str]],
}

/// From cheap to expensive. [`END_TO_END`] stays last: a run ends with the test runner's own lines.
pub(crate) const STEPS: [Step; 17] = [
    plain("fmt", "every file is as rustfmt leaves it", steps::fmt),
    plain("arrows", "crates import downwards only", arrows::run),
    plain("tidy", "lengths, opening docs, leftovers, manifests", tidy::run),
    plain("no-std", "the codecs need no std, ws-frame no allocator", no_std::run),
    plain("clippy", "no warning in any target", steps::clippy),
    plain("docs", "rustdoc without a warning", steps::docs),
    plain("unit", "unit, integration and doc tests", steps::unit),
    Step {
        needs: &web::NEEDS,
        ..plain("web", "the JavaScript client: tests, types, sizes", web::run)
    },
    Step {
        needs: &instructions::NEEDS,
        ..plain("instructions", "the codecs cost what the record says", instructions::run)
    },
    Step {
        needs: &fuzz::NEEDS,
        nightly: &[&["--seconds", "3600"]],
        ..plain("fuzz", "the codecs against slow models, 20 seconds each", fuzz::run)
    },
    Step {
        nightly: &[&["--orders", "20000"]],
        ..plain("models", "what races in the broker, in 400 orders each", steps::models)
    },
    Step {
        nightly: &[&["--seeds", "50000"]],
        ..plain("simulate", "3,000 seeds of the simulated world", steps::simulate)
    },
    Step {
        nightly: &[&["--rounds", "200"]],
        ..plain(
            "crash",
            "nothing answered is lost by crashes, torn tails, a full disk",
            steps::crash,
        )
    },
    Step {
        nightly: &[&["--ignore-latency"]],
        ..plain("hostile", "attacks leave no memory, no work, nobody unserved", steps::hostile)
    },
    Step {
        needs: &[Need::Node],
        nightly: &[&["--seeds", "1000"], &["--planted", "--seeds", "60"]],
        ..plain("clients", "25 worlds of each of our clients and faults", steps::clients)
    },
    Step {
        needs: &[Need::Python, Need::Kosoku],
        nightly: &[&[], &["--compression"]],
        ..plain("autobahn", "the Autobahn suite; --compression, --write", autobahn::run)
    },
    Step {
        needs: &[
            Need::Browser,
            Need::Node,
            Need::Npm,
            Need::Playwright,
            Need::Haproxy,
            Need::Nginx,
            Need::Prometheus,
            Need::Faketime,
            Need::Commands,
            Need::Python,
            Need::Php,
            Need::Strace,
            Need::Systemd,
        ],
        ..plain(END_TO_END, "the real binary, real browsers, bad links", steps::e2e)
    },
];

/// What takes hours and has no short form: before [`END_TO_END`] in a nightly run.
pub(crate) const NIGHTLY_ONLY: [Step; 9] = [
    Step {
        needs: &[Need::Browser, Need::Firefox, Need::Node, Need::Npm, Need::Playwright],
        ..plain("browsers", "fifty tabs in Chromium and Firefox, long lives", steps::browsers)
    },
    Step {
        needs: &steps::PROXIES,
        ..plain("proxies", "five proxies as docs/proxies has them, and a cache", steps::proxies)
    },
    Step {
        needs: &[
            Need::Npm,
            Need::Python,
            Need::OpenapiSpecValidator,
            Need::Schemathesis,
            Need::AsyncapiSpecs,
        ],
        nightly: &[&["--max-examples", "200"]],
        ..plain("api", "/openapi.json and /asyncapi.json are valid, and true", api::run)
    },
    Step {
        needs: &steps::INTEROP,
        ..plain(
            "interop",
            "other people's clients lose nothing, as docs/interop.md says",
            steps::interop,
        )
    },
    Step {
        needs: &package::NEEDS,
        ..plain("package", "the static program, the deb, the image, the manifests", package::run)
    },
    plain("traces", "a build with OpenTelemetry, and its spans", traces::run_with_feature),
    Step {
        needs: &[Need::CargoDeny],
        ..plain("deny", "licences, bans and sources, as deny.toml says", steps::deny)
    },
    Step {
        needs: &[Need::CargoMutants],
        ..plain("mutants", "a test notices when a codec is changed", mutants::run)
    },
    Step {
        needs: &[Need::CargoSemverChecks],
        ..plain("semver", "no codec breaks what its version promises", semver::run)
    },
];

/// A step that needs nothing but Rust, and is the same by day and by night.
const fn plain(
    name: &'static str,
    does: &'static str,
    run: fn(&Workspace, &[String]) -> Result<()>,
) -> Step {
    Step { name, does, needs: &[], run, nightly: &[&[]] }
}

/// The step called `name`, of a run by day or by night.
pub(crate) fn step(name: &str) -> Option<&'static Step> {
    STEPS.iter().chain(&NIGHTLY_ONLY).find(|step| step.name == name)
}

pub(crate) const END_TO_END: &str = "e2e";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_run_ends_with_the_test_runner() {
        assert_eq!(STEPS.last().unwrap().name, "e2e");
    }

    #[test]
    fn a_step_by_night_is_never_its_short_form() {
        let short: Vec<&str> =
            ["fuzz", "models", "simulate", "crash", "clients", "hostile"].to_vec();
        for step in STEPS.iter().filter(|step| short.contains(&step.name)) {
            assert!(step.nightly.iter().all(|arguments| !arguments.is_empty()), "{}", step.name);
        }
        assert!(STEPS.iter().all(|step| !step.nightly.is_empty()));
    }
}
