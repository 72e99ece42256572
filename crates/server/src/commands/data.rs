//! `tidewire data`: copies the store of a server, puts a copy back, gives a store a new epoch.

use super::{refused::Advice, server::Server};
use crate::clock::wall_ms;
use anyhow::{Context as _, Result, bail};
use clap::{ArgMatches, FromArgMatches, error::ErrorKind, parser::ValueSource};
use std::{
    fs::{self, File},
    io::{BufReader, Write as _},
    path::{Path, PathBuf},
};
use tidewire_engine_log::{Backup, begin_new_epoch, restore};

/// Back up or restore the data of a server, or begin a new epoch.
#[derive(Debug, clap::Args)]
pub struct DataCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Write a copy of all data, as of one moment, into a new file
    ///
    /// The server has to run on this machine, and keeps running. With --data, the copy is made of the data
    /// folder of a server that is stopped.
    Backup(BackupCommand),
    /// Create a data folder from a backup
    ///
    /// Clients that resume with a position get a gap notice, because positions from after the backup are
    /// used again.
    Restore(RestoreCommand),
    /// Begin a new epoch in a data folder
    ///
    /// For a folder that was restored by other means, such as a snapshot of the disk. Stop the server
    /// first.
    NewEpoch(NewEpochCommand),
}

/// What a backup is made of: one of two, of which the variable for one may be set all the same.
#[derive(Debug)]
struct BackupCommand(BackupArguments);

#[derive(Debug, clap::Args)]
struct BackupArguments {
    /// The file to write; it must not exist.
    file: PathBuf,
    #[command(flatten)]
    server: Server,
    /// The data folder of a stopped server, instead of a running server.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct RestoreCommand {
    /// A file that `tidewire data backup` has written.
    file: PathBuf,
    /// The data folder to create; it must be new or empty.
    dir: PathBuf,
}

#[derive(Debug, clap::Args)]
struct NewEpochCommand {
    /// The data folder.
    dir: PathBuf,
}

impl DataCommand {
    /// Does it, and says what was done.
    ///
    /// # Errors
    ///
    /// It cannot be done; nothing has changed then.
    pub async fn run(self) -> Result<()> {
        match self.command {
            Command::Backup(BackupCommand(arguments)) => arguments.run().await,
            Command::Restore(RestoreCommand { file, dir }) => {
                let backup = File::open(&file);
                let backup = backup.with_context(|| format!("cannot read {}", file.display()))?;
                let restored = restore(BufReader::new(backup), &dir, wall_ms());
                let restored =
                    restored.with_context(|| format!("cannot restore {}", file.display()))?;
                println!(
                    "restored {} with a new epoch: clients that resume get a gap notice",
                    dir.display()
                );
                tracing::debug!(rows = restored.rows, epoch = restored.epoch);
                Ok(())
            }
            Command::NewEpoch(NewEpochCommand { dir }) => {
                begin_new_epoch(&dir, wall_ms())?;
                println!(
                    "{} begins a new epoch: clients that resume get a gap notice",
                    dir.display()
                );
                Ok(())
            }
        }
    }
}

impl clap::Args for BackupCommand {
    fn augment_args(command: clap::Command) -> clap::Command {
        BackupArguments::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        BackupArguments::augment_args_for_update(command)
    }
}

impl FromArgMatches for BackupCommand {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let arguments = BackupArguments::from_arg_matches(matches)?;
        // clap's own rule of conflicts would take the variable for the flag.
        let is_url_a_flag = matches.value_source("url") == Some(ValueSource::CommandLine);
        match arguments.data.is_some() && is_url_a_flag {
            true => Err(clap::Error::raw(ErrorKind::ArgumentConflict, BOTH)),
            false => Ok(Self(arguments)),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

const BOTH: &str = "--url and --data exclude each other: a backup is made of a running server, or \
    of the folder of a stopped one\n";

impl BackupArguments {
    async fn run(self) -> Result<()> {
        let mut output = NewFile::create(&self.file)?;
        match &self.data {
            Some(data) => {
                for piece in Backup::of_closed(data)? {
                    output.write(&piece?)?;
                }
            }
            None => {
                let cause = "the server refused the backup";
                let backup = self.server.client()?.backup().await.context(cause);
                let mut backup = backup.map_err(Advice::add_to)?;
                while let Some(piece) =
                    backup.next_piece().await.context("the backup ended early")?
                {
                    output.write(piece.as_ref())?;
                }
            }
        }
        let bytes = output.finish()?;
        if !self.server.quiet {
            eprintln!("tidewire: wrote {} ({bytes} bytes)", self.file.display());
        }
        Ok(())
    }
}

/// A file that is there under its name once all of it is on disk, and not before.
struct NewFile {
    file: File,
    path: PathBuf,
    part: PathBuf,
    bytes: usize,
    is_whole: bool,
}

impl NewFile {
    fn create(path: &Path) -> Result<Self> {
        if path.exists() {
            bail!("{} exists already; choose another file name", path.display());
        }
        let name =
            path.file_name().with_context(|| format!("{} is not a file name", path.display()))?;
        let mut part = name.to_owned();
        part.push(".part");
        let part = path.with_file_name(part);
        let mut options = File::options();
        let file = options.write(true).create(true).truncate(true).open(&part);
        let file = file.with_context(|| format!("cannot write {}", part.display()))?;
        let path = path.to_path_buf();
        Ok(Self { file, path, part, bytes: 0, is_whole: false })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len();
        let written = self.file.write_all(bytes);
        written.with_context(|| format!("cannot write {}", self.part.display()))
    }

    fn finish(mut self) -> Result<usize> {
        let synced = self.file.sync_all().and_then(|()| fs::rename(&self.part, &self.path));
        synced.with_context(|| format!("cannot write {}", self.path.display()))?;
        self.is_whole = true;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.with_context(|| format!("cannot sync {}", folder.display()))?;
        Ok(self.bytes)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_whole {
            let _ = fs::remove_file(&self.part);
        }
    }
}
