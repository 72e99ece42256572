//! A step whose filter selects no test fails, although every program that it runs succeeds.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is all it can do")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

/// Stands for cargo: knows the workspace, and says of every test program what is in `RUN`.
const CARGO: &str = r#"#!/bin/sh
if [ "$1" = metadata ]; then exec "$REAL_CARGO" "$@"; fi
echo "test result: ok. $RUN passed; 0 failed; 3 ignored; 0 measured; 41 filtered out"
"#;

fn step(name: &str, cargo: &Path, tests: u32) -> Output {
    let mut step = Command::new(env!("CARGO_BIN_EXE_xtask"));
    step.args([name, "resmue"]).env("CARGO", cargo).env("REAL_CARGO", env!("CARGO"));
    step.env("RUN", tests.to_string()).env("TIDEWIRE_BROWSER", "none").output().unwrap()
}

#[test]
fn a_step_that_has_run_no_test_fails() {
    let cargo = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cargo-that-runs-nothing");
    fs::write(&cargo, CARGO).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["unit", "models", "e2e"] {
        let nothing = step(name, &cargo, 0);
        let said = String::from_utf8_lossy(&nothing.stderr);
        assert!(!nothing.status.success(), "{name}");
        assert!(said.contains("no test was run: none fits `resmue`"), "{name}: {said}");
        assert!(step(name, &cargo, 1).status.success(), "{name}");
    }
}
