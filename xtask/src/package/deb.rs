//! The Debian package: made by cargo-deb, tried by `packaging/deb/check`.

use super::{Choice, Place};
use crate::command::{read, run};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes the package twice, as two versions, and tries to install, upgrade and remove it.
pub(super) fn check(workspace: &Workspace, profile: &str, place: Place) -> Result<()> {
    let [old, new] = build(workspace, profile)?;
    let check = workspace.root.join("packaging/deb/check");
    match place {
        Place::Here => run(super::as_root(check)?.arg(old).arg(new)),
        Place::Copy => {
            let mut copy = super::as_root("unshare")?;
            copy.args(["--mount", "--net", "--pid", "--fork", "sh", "-euc", IN_A_COPY, "sh"]);
            run(copy.arg(check).arg(old).arg(new))
        }
    }
}

/// Builds the server, what is made from it, and the two packages.
fn build(workspace: &Workspace, profile: &str) -> Result<[PathBuf; 2]> {
    run(&mut workspace.cargo(&["build", "--package", "tidewire", "--profile", profile]))?;
    let program = workspace.target.join(Choice::folder(profile)).join("tidewire");
    // Where the list of the package's files has them.
    let folder = workspace.root.join("target/package");
    write_pages(&program, &folder.join("man"))?;
    write_completions(&program, &folder.join("completions"))?;
    let package = |version: &str| {
        let file = folder.join(format!("tidewire_{version}.deb"));
        let mut deb = workspace.cargo(&["deb", "--no-build", "--package", "tidewire"]);
        deb.args(["--profile", profile, "--deb-version", version, "--output"]).arg(&file);
        run(&mut deb)?;
        Ok::<_, anyhow::Error>(file)
    };
    let version = read(Command::new(&program).arg("--version"))?;
    let version = version.split_whitespace().nth(1).context("the program has no version")?;
    Ok([package(version)?, package(&format!("{version}+new"))?])
}

/// One page for the program, and one for each of its commands.
fn write_pages(program: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let page = read(Command::new(program).arg("man"))?;
    let commands = commands(&page);
    ensure!(commands.contains(&"publish".to_owned()), "no commands in {page}");
    fs::write(folder.join("tidewire.1"), &page)?;
    for command in commands {
        let page = read(Command::new(program).args(["man", &command]))?;
        fs::write(folder.join(format!("tidewire-{command}.1")), page)?;
    }
    Ok(())
}

/// The commands to which the page of the program refers: `tidewire\-check\-config(1)`.
fn commands(page: &str) -> Vec<String> {
    let names =
        page.lines().filter_map(|line| line.strip_prefix("tidewire\\-")?.strip_suffix("(1)"));
    names.map(|name| name.replace("\\-", "-")).filter(|name| name != "help").collect()
}

fn write_completions(program: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for (shell, file) in [("bash", "tidewire"), ("zsh", "_tidewire"), ("fish", "tidewire.fish")] {
        let script = read(Command::new(program).args(["completions", shell]))?;
        fs::write(folder.join(file), script)?;
    }
    Ok(())
}

/// Runs `$1 $2 $3` in a copy of this system: what it changes is in memory, and gone with it. It has a network and
/// process ids of its own.
const IN_A_COPY: &str = r#"
ip link set lo up
copy=$(mktemp -d)
mount -t tmpfs copy "$copy"
mkdir "$copy/changes" "$copy/work" "$copy/root"
mount -t overlay -o lowerdir=/,upperdir="$copy/changes",workdir="$copy/work" copy "$copy/root"
mount -t proc proc "$copy/root/proc"
mount --rbind /dev "$copy/root/dev"
mkdir "$copy/root/packages"
cp "$1" "$2" "$3" "$copy/root/packages/"
exec chroot "$copy/root" /packages/check "/packages/$(basename "$2")" "/packages/$(basename "$3")"
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_from_the_page_of_the_program() {
        let page = ".TP\ntidewire\\-serve(1)\nRun\n.TP\ntidewire\\-check\\-config(1)\ntidewire\\-help(1)\n";
        assert_eq!(commands(page), ["serve", "check-config"]);
    }
}
