//! `fjall`: a log-structured tree with a journal.

use crate::subject::{Key, Subject, Sync};
use anyhow::Result;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use std::path::Path;

pub(crate) struct Fjall {
    database: Database,
    rows: Keyspace,
}

impl Subject for Fjall {
    const NAME: &'static str = "fjall";

    fn open(directory: &Path) -> Result<Self> {
        let database = Database::builder(directory.join("fjall")).open()?;
        let rows = database.keyspace("rows", KeyspaceCreateOptions::default)?;
        Ok(Self { database, rows })
    }

    fn commit(&self, put: &[(Key, Vec<u8>)], remove: &[Key], sync: Sync) -> Result<()> {
        let mode = if sync == Sync::Wait { PersistMode::SyncData } else { PersistMode::Buffer };
        let mut batch = self.database.batch().durability(Some(mode));
        put.iter().for_each(|(key, value)| batch.insert(&self.rows, *key, value.as_slice()));
        remove.iter().for_each(|key| batch.remove(&self.rows, *key));
        Ok(batch.commit()?)
    }

    fn read(&self, from: Key, count: usize) -> Result<Vec<(Key, Vec<u8>)>> {
        self.rows
            .range(from..)
            .take(count)
            .map(|row| {
                let (key, value) = row.into_inner()?;
                Ok((Key::try_from(&key[..])?, value.to_vec()))
            })
            .collect()
    }
}
