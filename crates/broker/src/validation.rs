//! What a channel's options say to a message that is about to be published.

use crate::{
    AppendError, Compaction, Draft, DraftError, Options, Permit, Publishers, QuotaError,
    permit::Publisher,
};

impl Options {
    /// Checks what depends on a message and its permit alone.
    ///
    /// # Errors
    ///
    /// The publisher may not publish here, the message is too large, or it lacks a key.
    pub fn validate(&self, permit: &Permit, draft: &Draft) -> Result<(), AppendError> {
        let allowed = self.publishers;
        let may = match (allowed, permit.by()) {
            (Publishers::Anyone, _) | (_, Publisher::System) => true,
            (Publishers::Requests, by) => by == Publisher::Request,
            (Publishers::Nobody, _) => false,
        };
        let (bytes, bytes_max) = (draft.bytes(), self.message_bytes_max);
        if !may {
            Err(AppendError::NotAllowed { allowed })
        } else if bytes > bytes_max {
            Err(DraftError::TooLarge { bytes, bytes_max }.into())
        } else if self.compaction.is_some() && draft.key.is_none() {
            Err(DraftError::KeyMissing.into())
        } else {
            Ok(())
        }
    }
}

impl Compaction {
    /// Checks that a value of `bytes` fits beside the `values` there are, of `values_bytes` together,
    /// in the place of one of `replaced` bytes if its key has one.
    ///
    /// # Errors
    ///
    /// There would be too many keys, or too many bytes.
    pub fn check_room(
        &self,
        (values, values_bytes): (usize, usize),
        replaced: Option<usize>,
        bytes: usize,
    ) -> Result<(), QuotaError> {
        let Self { keys_max, bytes_max, .. } = *self;
        if replaced.is_none() && values >= keys_max {
            return Err(QuotaError::TooManyKeys { keys_max });
        }
        if values_bytes.saturating_sub(replaced.unwrap_or(0)).saturating_add(bytes) > bytes_max {
            return Err(QuotaError::StateFull { bytes_max });
        }
        Ok(())
    }
}
