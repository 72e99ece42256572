//! `cargo xtask arrows`: imports go down, never sideways, never up; between the modules of a crate they go in
//! one direction; and some crates read no clock.
//!
//! The table below is the drawing of `ARCHITECTURE.md`; a new crate needs a floor before it can
//! join. What a crate's tests import obeys the same arrows, so that no test pulls the house askew.

mod clocks;
mod cycles;
mod modules;
mod source;

use crate::arguments;
use crate::workspace::{Package, Target, Workspace};
use anyhow::{Result, bail};
use modules::Modules;
use std::collections::BTreeSet;

/// The house, top floor first. Everybody imports strictly downwards; nobody imports the top.
const FLOORS: [(&str, &[&str]); 5] = [
    (
        "4 proves",
        &[
            "tidewire-test-harness",
            "tidewire-benches",
            "tidewire-fanout",
            "tidewire-instructions",
            "tidewire-peers",
        ],
    ),
    ("3 edges", &["tidewire"]),
    ("2 meets", &["tidewire-connection", "tidewire-client", "tidewire-engine-log"]),
    (
        "1 knows",
        &[
            "tidewire-sse",
            "tidewire-ws",
            "tidewire-protocol",
            "tidewire-broker",
            "tidewire-tokens",
            "tidewire-client-address",
        ],
    ),
    ("0 names", &["tidewire-names"]),
];

/// Stands beside the house: imports nobody, is imported by nobody.
const OUTSIDE: &str = "xtask";

/// What a crate must never know, though the floors would allow it, nor have as a feature of what it
/// imports. A final `*` stands for any rest.
const BANS: [(&str, &[&str]); 7] = [
    ("tidewire-names", &["tokio*", "actix*"]),
    ("tidewire-broker", &["serde*", "tokio*", "actix*"]),
    ("tidewire-protocol", &["tokio*", "actix*"]),
    ("tidewire-tokens", &["tokio*", "actix*"]),
    ("tidewire-client-address", &["serde*", "tokio*", "actix*", "http*"]),
    ("tidewire-connection", &["tokio*", "actix*"]),
    ("tidewire-client", &["tidewire-broker", "actix*"]),
];

/// What a crate may import only if a feature asks for it: who picks the crate on its own picks nothing
/// else with it.
const OPTIONAL: [(&str, &[&str]); 3] =
    [("tidewire-sse", &["*"]), ("tidewire-ws", &["*"]), ("tidewire-names", &["serde*"])];

pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    arguments::refuse(arguments)?;
    let mut findings = check(&workspace.packages);
    for package in &workspace.packages {
        check_modules(package, &mut findings)?;
    }
    if !findings.is_empty() {
        bail!("the arrows are broken:\n  {}", findings.join("\n  "));
    }
    let crates = workspace.packages.len();
    println!("{crates} crates import downwards only, and their modules in one direction");
    Ok(())
}

/// One line for each import that is not allowed.
fn check(packages: &[Package]) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages {
        if floor(&package.name).is_none() && package.name != OUTSIDE {
            findings.push(format!("{}: has no floor; give it one in {}", package.name, file!()));
        }
        check_workspace_imports(package, packages, &mut findings);
        check_foreign_imports(package, &mut findings);
    }
    findings
}

/// Looks into the sources of a package: its library, and each program.
fn check_modules(package: &Package, findings: &mut Vec<String>) -> Result<()> {
    let name = package.name.as_str();
    let is_checked =
        |target: &&Target| target.kind.iter().any(|kind| kind == "lib" || kind == "bin");
    let mut imports = BTreeSet::new();
    for target in package.targets.iter().filter(is_checked) {
        let modules = Modules::load(&target.src_path)?;
        imports.extend(modules.imports());
        findings.extend(clocks::check(name, &modules.reading_clocks()));
    }
    findings.extend(cycles::check(name, &imports));
    Ok(())
}

fn check_workspace_imports(package: &Package, packages: &[Package], findings: &mut Vec<String>) {
    let from = floor(&package.name);
    for dependency in &package.dependencies {
        if !packages.iter().any(|other| other.name == dependency.name) {
            continue;
        }
        let to = floor(&dependency.name);
        if from.zip(to).is_none_or(|(from, to)| to >= from) {
            findings.push(format!(
                "{} ({}) imports {} ({}): only what is on a lower floor",
                package.name,
                floor_name(from),
                dependency.name,
                floor_name(to),
            ));
        }
    }
}

fn check_foreign_imports(package: &Package, findings: &mut Vec<String>) {
    let name = package.name.as_str();
    for dependency in package.dependencies.iter().filter(|import| !import.is_for_tests()) {
        let other = dependency.name.as_str();
        if is_listed(&BANS, name, other) {
            findings.push(format!("{name} imports {other}: it must never know that"));
        }
        for feature in dependency.features.iter().filter(|feature| is_listed(&BANS, name, feature))
        {
            findings
                .push(format!("{name} imports {other} with {feature}: it must never know that"));
        }
        if is_listed(&OPTIONAL, name, other) && !dependency.optional {
            findings.push(format!("{name} requires {other}: it must be optional"));
        }
    }
}

/// Whether `table` has, in the row of the crate `name`, a pattern that `other` matches.
fn is_listed(table: &[(&str, &[&str])], name: &str, other: &str) -> bool {
    let patterns = table.iter().filter(|(row, _)| *row == name).flat_map(|(_, what)| *what);
    patterns.copied().any(|pattern| matches(pattern, other))
}

/// The height of a crate's floor, from one upwards.
fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().rev().position(|(_, crates)| crates.contains(&name)).map(|below| below + 1)
}

fn floor_name(floor: Option<usize>) -> &'static str {
    let name = floor.and_then(|height| FLOORS.iter().rev().nth(height - 1));
    name.map_or("no floor", |(name, _)| *name)
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::{Dependency, DependencyKind};

    fn import(name: &str) -> Dependency {
        Dependency { name: name.to_owned(), ..Dependency::default() }
    }

    fn package(name: &str, dependencies: Vec<Dependency>) -> Package {
        Package { name: name.to_owned(), dependencies, ..Package::default() }
    }

    /// Every crate of the drawing without an import, and `changed` in the place of its namesake.
    fn findings_with(changed: Package) -> Vec<String> {
        let mut packages = vec![package(OUTSIDE, Vec::new())];
        for name in FLOORS.iter().flat_map(|(_, crates)| *crates) {
            packages.push(package(name, Vec::new()));
        }
        packages.retain(|package| package.name != changed.name);
        packages.push(changed);
        check(&packages)
    }

    #[test]
    fn every_import_downwards_is_allowed() {
        let server = package("tidewire", vec![import("tidewire-client"), import("tidewire-ws")]);
        assert_eq!(findings_with(server), Vec::<String>::new());
    }

    #[test]
    fn an_import_sideways_is_refused_on_every_floor() {
        for (from, to) in [
            ("tidewire-broker", "tidewire-sse"),
            ("tidewire-protocol", "tidewire-broker"),
            ("tidewire-client", "tidewire-connection"),
            ("tidewire-benches", "tidewire-test-harness"),
        ] {
            assert_eq!(findings_with(package(from, vec![import(to)])).len(), 1, "{from} → {to}");
        }
    }

    #[test]
    fn an_import_upwards_names_both_floors() {
        assert_eq!(
            findings_with(package("tidewire-broker", vec![import("tidewire")])),
            ["tidewire-broker (1 knows) imports tidewire (3 edges): only what is on a lower floor"]
        );
    }

    #[test]
    fn tests_and_build_scripts_obey_the_arrows_too() {
        for kind in [DependencyKind::Dev, DependencyKind::Build] {
            let upwards = Dependency { kind: Some(kind), ..import("tidewire-test-harness") };
            assert_eq!(findings_with(package("tidewire-broker", vec![upwards])).len(), 1);
        }
    }

    #[test]
    fn the_finding_about_a_crate_without_a_floor_says_where_to_add_one() {
        let findings = findings_with(package("tidewire-attic", Vec::new()));
        assert_eq!(findings, ["tidewire-attic: has no floor; give it one in xtask/src/arrows.rs"]);
    }

    #[test]
    fn xtask_imports_nobody_and_nobody_imports_it() {
        assert_eq!(findings_with(package("xtask", vec![import("tidewire-sse")])).len(), 1);
        assert_eq!(findings_with(package("tidewire", vec![import("xtask")])).len(), 1);
    }

    #[test]
    fn a_banned_family_of_crates_is_refused_by_its_beginning() {
        for foreign in ["serde", "serde_json", "tokio", "tokio-util", "actix-web"] {
            let broker = package("tidewire-broker", vec![import(foreign)]);
            assert_eq!(
                findings_with(broker),
                [format!("tidewire-broker imports {foreign}: it must never know that")]
            );
        }
    }

    #[test]
    fn a_banned_crate_is_refused_as_a_feature_of_an_import_too() {
        let names = Dependency { features: vec!["serde".to_owned()], ..import("tidewire-names") };
        assert_eq!(
            findings_with(package("tidewire-broker", vec![names])),
            ["tidewire-broker imports tidewire-names with serde: it must never know that"]
        );
    }

    #[test]
    fn names_may_offer_serde_but_not_require_it() {
        let offered = Dependency { optional: true, ..import("serde") };
        let names = package("tidewire-names", vec![offered, import("thiserror")]);
        assert_eq!(findings_with(names), Vec::<String>::new());
        assert_eq!(
            findings_with(package("tidewire-names", vec![import("serde")])),
            ["tidewire-names requires serde: it must be optional"]
        );
    }

    #[test]
    fn the_client_never_knows_the_broker_below_it() {
        let client = package("tidewire-client", vec![import("tidewire-broker")]);
        assert_eq!(findings_with(client).len(), 1);
    }

    #[test]
    fn tests_may_use_what_their_crate_may_not() {
        let for_tests = Dependency { kind: Some(DependencyKind::Dev), ..import("serde_json") };
        let broker = package("tidewire-broker", vec![for_tests]);
        assert_eq!(findings_with(broker), Vec::<String>::new());
    }

    #[test]
    fn a_codec_may_offer_an_import_but_not_require_one() {
        let offered = Dependency { optional: true, ..import("bytes") };
        assert_eq!(findings_with(package("tidewire-ws", vec![offered])), Vec::<String>::new());
        assert_eq!(
            findings_with(package("tidewire-ws", vec![import("bytes")])),
            ["tidewire-ws requires bytes: it must be optional"]
        );
    }
}
