//! The blocks of the documentation that programs in `web/tests/docs` run, all of them in one go of Node.

use crate::{
    browser::{browser, node_modules},
    common::within,
};
use anyhow::{Context as _, Result, ensure};
use std::path::Path;
use tidewire_test_harness::server::binary;
use tokio::process::Command;

#[tokio::test]
async fn the_recipes_run() -> Result<()> {
    within(180, async {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/tests/docs/run.mjs");
        let mut node = Command::new("node");
        node.arg(program).env("TIDEWIRE_BIN", binary()?).env("TIDEWIRE_BROWSER", browser()?);
        node.env("NODE_PATH", node_modules()).kill_on_drop(true);
        let output = node.output().await.context("no node: run `cargo xtask install`")?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    })
    .await
}
