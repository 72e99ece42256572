//! Notices that the reader of standard output is gone, without writing to it.

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};
use std::{
    future::pending,
    io,
    os::fd::{AsFd, OwnedFd},
    thread,
};
use tokio::sync::oneshot;

/// Ends when the other end of `output`, a pipe, a socket or a terminal, is closed. A file has no other end, so for
/// a file this never ends.
///
/// A thread waits, for the rest of the process: the runtime takes descriptors like this one only on trust.
pub(super) async fn closed(output: impl AsFd) {
    let (sender, receiver) = oneshot::channel();
    if let Ok(output) = output.as_fd().try_clone_to_owned() {
        thread::spawn(move || {
            if wait(&output).is_ok() {
                // Nobody waits any more where the process is about to end.
                let _ = sender.send(());
            }
        });
    }
    if receiver.await.is_err() {
        // This way it cannot be noticed; the next write fails instead.
        pending().await
    }
}

/// `poll` always reports errors and hang-ups, so no other event is requested.
fn wait(output: &OwnedFd) -> io::Result<()> {
    loop {
        match poll(&mut [PollFd::new(output, PollFlags::empty())], None) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs::File, time::Duration};
    use tokio::time::timeout;

    #[tokio::test]
    async fn a_pipe_is_closed_when_its_last_reader_is_gone() {
        let (reader, writer) = io::pipe().unwrap();
        let another = reader.try_clone().unwrap();
        let mut closed = Box::pin(closed(writer));
        assert!(timeout(A_MOMENT, &mut closed).await.is_err());
        drop(reader);
        assert!(timeout(A_MOMENT, &mut closed).await.is_err());
        drop(another);
        timeout(Duration::from_secs(20), closed).await.unwrap();
    }

    #[tokio::test]
    async fn a_file_is_never_closed() {
        let file = File::open(env!("CARGO_MANIFEST_DIR").to_owned() + "/Cargo.toml").unwrap();
        assert!(timeout(A_MOMENT, closed(file)).await.is_err());
    }

    /// For which nothing happens.
    const A_MOMENT: Duration = Duration::from_millis(100);
}
