//! Our port for disks as the store's own.

use crate::Disk;
use redb::StorageBackend;
use std::{io, sync::Arc};

/// A disk in the store's clothes.
#[derive(Debug)]
pub(super) struct Adapter(Arc<dyn Disk>);

impl Adapter {
    pub(super) fn new(disk: Arc<dyn Disk>) -> Self {
        Self(disk)
    }
}

impl StorageBackend for Adapter {
    /// Without what stands behind the last whole page: the store did not write that.
    fn len(&self) -> io::Result<u64> {
        let bytes = self.0.len()?;
        Ok(bytes - bytes % PAGE_BYTES)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let whole = self.len()?;
        if whole < len.min(self.0.len()?) {
            self.0.set_len(whole)?;
        }
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}

/// What the store's files are made of.
const PAGE_BYTES: u64 = 4_096;
