//! What is known of the store's files beside their bytes: which files they are, and the generation
//! that stands beside them.

use super::Store;
use crate::identity::Identity;

impl Store {
    /// What distinguishes the files of the rows and the journal from copies of them.
    pub(crate) fn identities(&self) -> [Option<Identity>; 2] {
        [self.disks.rows.identity(), self.disks.journal.identity()]
    }

    /// The numbers of commits that the folder knows, where it can be read.
    pub(crate) fn generations(&self) -> Option<Vec<u64>> {
        self.disks.generation.find().ok()
    }

    /// How many commits there have been.
    pub(crate) fn commits(&self) -> u64 {
        self.read().next
    }

    /// Has the folder know the commits that are synced for certain. Returns whether it does.
    ///
    /// Not with each commit: a copy made and put back in between is not noticed.
    pub(crate) fn renew_generation(&self) -> bool {
        let synced = self.read().synced;
        let renewed = self.disks.generation.replace(synced);
        if let Err(error) = &renewed
            && self.unmarked.should_log(self.clock.now())
        {
            let store = self.path.display();
            tracing::warn!(%store, %error, "a copy of older files put in their place would not be noticed");
        }
        renewed.is_ok()
    }
}
