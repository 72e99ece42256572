//! `redb`: a copy-on-write B-tree in one file.

use crate::subject::{Key, Subject, Sync};
use anyhow::Result;
use redb::{Database, Durability, ReadableDatabase, TableDefinition};
use std::path::Path;

pub(crate) struct Redb(Database);

impl Subject for Redb {
    const NAME: &'static str = "redb";

    fn open(directory: &Path) -> Result<Self> {
        std::fs::create_dir_all(directory)?;
        let database = Database::create(directory.join("redb"))?;
        let write = database.begin_write()?;
        write.open_table(ROWS)?;
        write.commit()?;
        Ok(Self(database))
    }

    fn commit(&self, put: &[(Key, Vec<u8>)], remove: &[Key], sync: Sync) -> Result<()> {
        let mut write = self.0.begin_write()?;
        // Without it, opening after a crash reads the whole file.
        write.set_quick_repair(sync == Sync::Wait);
        if sync == Sync::Leave {
            write.set_durability(Durability::None)?;
        }
        let mut rows = write.open_table(ROWS)?;
        for (key, value) in put {
            rows.insert(key, value.as_slice())?;
        }
        for key in remove {
            rows.remove(key)?;
        }
        drop(rows);
        Ok(write.commit()?)
    }

    fn read(&self, from: Key, count: usize) -> Result<Vec<(Key, Vec<u8>)>> {
        let rows = self.0.begin_read()?.open_table(ROWS)?;
        let found = rows.range::<&Key>(&from..)?.take(count).map(|row| {
            let (key, value) = row?;
            Ok((*key.value(), value.value().to_vec()))
        });
        found.collect()
    }
}

const ROWS: TableDefinition<'_, &Key, &[u8]> = TableDefinition::new("rows");
