//! Being written.

/// Being written.
#[derive(clap::Args)]
pub struct Subscribe {}

impl Subscribe {
    /// Being written.
    ///
    /// # Errors
    ///
    /// None.
    pub async fn run(self) -> anyhow::Result<()> {
        Ok(())
    }
}
