//! Files that are written, replaced and removed.

use super::*;
use std::sync::Mutex;

/// Waits until the text that was read last is this one.
async fn until(read: &Mutex<Vec<String>>, text: &str) {
    for _ in 0..600 {
        if read.lock().unwrap().last().is_some_and(|last| last == text) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{text:?} is not read: {read:?}");
}

#[tokio::test]
async fn a_file_is_read_again_when_it_is_written_replaced_or_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let read = Arc::new(Mutex::new(Vec::new()));
    let (seen, watched) = (Arc::clone(&read), path.clone());
    let read_again = move || {
        let text = fs::read_to_string(&watched).unwrap_or_else(|_| "nothing".to_owned());
        seen.lock().unwrap().push(text);
    };
    let watching = tokio::spawn(watch(vec![path.clone()], read_again));
    until(&read, "nothing").await;
    fs::write(&path, "one").unwrap();
    until(&read, "one").await;
    let part = folder.path().join("part");
    fs::write(&part, "two").unwrap();
    fs::rename(&part, &path).unwrap();
    until(&read, "two").await;
    fs::remove_file(&path).unwrap();
    until(&read, "nothing").await;
    watching.abort();
    assert!(read.lock().unwrap().len() <= 8, "it is read when it changes only");
}
