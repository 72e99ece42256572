//! The image of a container: its last stage, built by buildah from the static program of this machine, and run.
//!
//! The stage before it begins with an image of a registry, which not every machine can reach. It is not tried here: the
//! program is built by the same command outside, and laid out by the same script.

use super::program::static_program;
use crate::command::{read, run};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{thread, time::Duration};

/// Builds the image, checks what it says of itself, and starts its server with the one flag that a try needs.
pub(super) fn check(workspace: &Workspace, profile: &str) -> Result<()> {
    let folder = workspace.target.join("package/image");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("the files of the last run")?;
    }
    let layout = folder.join("context/layout");
    let program = static_program(workspace, profile)?;
    let lay_out = workspace.root.join("packaging/docker/lay-out");
    run(Command::new(lay_out).arg(program).arg(&layout))?;
    let text = fs::read_to_string(workspace.root.join("packaging/docker/Dockerfile"))?;
    let dockerfile = folder.join("Dockerfile");
    fs::write(&dockerfile, last_stage(&text)?)?;

    let buildah = Buildah { storage: folder.join("storage") };
    let context = format!("build={}", folder.join("context").display());
    let mut build = buildah.command(&["build", "--isolation", "chroot", "--format", "docker"])?;
    build.args(["--build-context", &context, "--tag", NAME, "--file"]).arg(&dockerfile);
    run(build.arg(&folder))?;
    let image = buildah.read(&["inspect", "--type", "image", NAME])?;
    let image: serde_json::Value = serde_json::from_str(&image).context("the image")?;
    let config = image.pointer("/Docker/config").context("no configuration of the image")?;
    ensure!(config.get("User") == Some(&"65532:65532".into()), "it runs as root: {config}");
    ensure!(config.pointer("/Healthcheck/Test/0") == Some(&"CMD".into()), "no check: {config}");
    ensure!(config.pointer("/Volumes/~1data").is_some(), "no volume: {config}");
    let entry = words(config, "/Entrypoint")?;
    let health: Vec<String> = words(config, "/Healthcheck/Test")?.split_off(1);
    start(&buildah, &entry, &health)
}

/// Starts the server in a container of the image, publishes, and ends it.
fn start(buildah: &Buildah, entry: &[String], health: &[String]) -> Result<()> {
    let container = buildah.read(&["from", NAME])?.trim().to_owned();
    // The port is one of this machine, where another server may have that of the image.
    let listen = "TIDEWIRE_LISTEN=127.0.0.1:18080";
    let inside = ["run", "--isolation", "chroot", "--env", listen, &container, "--"];
    let mut server = buildah.command(&inside)?;
    let server = server.args(entry).arg("--anonymous").stdout(Stdio::null()).spawn();
    let mut server = Ended(server.context("starting the container")?);
    let in_container = |words: &[String]| read(buildah.command(&inside)?.args(words));
    let mut tries = 0;
    while let Err(error) = in_container(health) {
        ensure!(server.0.try_wait()?.is_none(), "the server has ended");
        tries += 1;
        ensure!(tries < TRIES_MAX, "the health check fails: {error:#}");
        thread::sleep(Duration::from_millis(200));
    }
    let url = ["--url".to_owned(), "127.0.0.1:18080".to_owned()];
    let program = entry.first().context("no entry point")?.clone();
    let publish = [program, "publish".to_owned(), "a".to_owned(), "hello".to_owned()];
    in_container(&[publish.as_slice(), &url].concat())?;
    let processes = read(Command::new("ps").args(["-eo", "uid=,args="]))?;
    let mut servers = processes.lines().map(str::trim);
    let ours = servers.find(|line| line.starts_with("65532 ") && line.ends_with(" --anonymous"));
    println!("user and command of the server: {}", ours.context("it runs as somebody else")?);
    Ok(())
}

/// The last stage alone: its `--from=build` names a folder then, not a stage.
fn last_stage(dockerfile: &str) -> Result<&str> {
    let at = dockerfile.find("\nFROM scratch\n").context("the last stage is not from scratch")?;
    let stage = dockerfile.get(at..).unwrap_or_default();
    ensure!(stage.matches("\nFROM ").count() == 1, "another stage follows");
    Ok(stage)
}

fn words(config: &serde_json::Value, path: &str) -> Result<Vec<String>> {
    let list = config.pointer(path).and_then(serde_json::Value::as_array);
    let list = list.with_context(|| format!("no {path} in {config}"))?;
    Ok(list.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect())
}

/// buildah with a storage of its own.
struct Buildah {
    storage: PathBuf,
}

impl Buildah {
    fn command(&self, words: &[&str]) -> Result<Command> {
        let folder = |name: &str| Path::new(&self.storage).join(name);
        let mut command = super::as_root("buildah")?;
        command.args(["--storage-driver", "vfs", "--root"]).arg(folder("root"));
        command.arg("--runroot").arg(folder("run")).args(words);
        Ok(command)
    }

    fn read(&self, words: &[&str]) -> Result<String> {
        read(&mut self.command(words)?)
    }
}

/// A container that is ended when this is dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // `run` passes the signal on to the server.
        let id = self.0.id().to_string();
        let _gone = Command::new("kill").arg(id).status();
        let _ended = self.0.wait();
    }
}

const NAME: &str = "tidewire:check";
const TRIES_MAX: u32 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_stage_is_built_alone() {
        let dockerfile = "FROM rust AS build\nRUN cargo\n\nFROM scratch\nCOPY --from=build / /\n";
        assert_eq!(last_stage(dockerfile).unwrap(), "\nFROM scratch\nCOPY --from=build / /\n");
        assert!(last_stage("FROM scratch").is_err());
        assert!(last_stage("\nFROM scratch\n\nFROM rust\n").is_err());
    }
}
