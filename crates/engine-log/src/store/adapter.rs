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
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}
