//! Conversations in `tidewire.v1`: what the page has the client send is sent, and the server has to answer as
//! the page says.

use super::{
    blocks::Block,
    transcript::{Names, unify},
};
use anyhow::{Context as _, Result, bail};
use tidewire_test_harness::{
    peers::websocket::{Frame, Socket},
    server::Server,
};

/// Runs one conversation on a server of its own.
pub(super) async fn run(block: &Block) -> Result<()> {
    let server = Server::start(&[]).await?;
    let mut socket = Socket::dial(server.address()).await?;
    let mut names = Names::new();
    for line in block.text.lines() {
        if let Some(sent) = line.strip_prefix("→ ") {
            let mut sent = sent.to_owned();
            for (of_the_page, here) in &names {
                sent = sent.replace(of_the_page, here);
            }
            socket.send(Frame::text(sent)).await?;
        } else if let Some(expected) = line.strip_prefix("← ") {
            let frame = socket.frame().await?.with_context(|| format!("no more frames: {line}"))?;
            let seen = frame.into_text().with_context(|| line.to_owned())?;
            unify(&[expected.to_owned()], &[seen.as_str()], &mut names)?;
        } else {
            bail!("neither sent nor received: {line}");
        }
    }
    Ok(())
}
