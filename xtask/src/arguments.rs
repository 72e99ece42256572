//! What a command does with its arguments where that is all the same for several.

use anyhow::{Result, bail};

/// For the steps that take none.
///
/// # Errors
///
/// There is one.
pub(crate) fn refuse(arguments: &[String]) -> Result<()> {
    if !arguments.is_empty() {
        bail!("this step takes no arguments, not `{}`", arguments.join(" "));
    }
    Ok(())
}
