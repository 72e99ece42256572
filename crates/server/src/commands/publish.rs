//! Being written.

/// Being written.
#[derive(clap::Args)]
pub struct Publish {}

impl Publish {
    /// Being written.
    ///
    /// # Errors
    ///
    /// None.
    pub async fn run(self) -> anyhow::Result<()> {
        Ok(())
    }
}
