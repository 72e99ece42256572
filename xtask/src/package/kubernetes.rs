//! The manifests for Kubernetes, against the schemas of its API.

use crate::command::{read, run};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::process::Command;

/// Checks each manifest, and that the checker finds a mistake at all.
pub(super) fn check(workspace: &Workspace) -> Result<()> {
    let folder = workspace.root.join("packaging/kubernetes");
    let checker = workspace.tool("kubernetes-validate").join("bin/kubernetes-validate");
    let validate = || {
        let mut command = Command::new(&checker);
        command.args(["--strict", "--kubernetes-version", API]);
        command
    };
    let mut checked = 0;
    for entry in fs::read_dir(&folder).context("the manifests")? {
        let manifest = entry?.path();
        run(validate().arg(&manifest))?;
        let text = fs::read_to_string(&manifest)?;
        let broken = workspace.target.join("package/broken.yaml");
        fs::create_dir_all(broken.parent().context("no folder")?)?;
        fs::write(&broken, text.replace("readinessProbe:", "readynessProbe:"))?;
        ensure!(read(validate().arg(&broken)).is_err(), "the checker finds no mistake");
        checked += 1;
    }
    ensure!(checked > 0, "there is no manifest in {}", folder.display());
    Ok(())
}

/// The version of the API that the manifests are for.
const API: &str = "1.33";
