//! `--data` with the path of a file.

use crate::program::{folder, run, tidewire};

#[tokio::test]
async fn the_file_is_named_with_what_is_wanted() {
    let folder = folder();
    let file = folder.path().join("messages.log");
    std::fs::write(&file, "mine").unwrap();
    let path = file.to_str().unwrap();
    let refused = run(&mut tidewire(&["serve", "--listen", "0", "--data", path])).await;
    let expected = format!(
        "tidewire: cannot open the log on disk: {path} is a file, and the log needs a directory: choose \
         another name, or move the file away\n"
    );
    assert!(!refused.is_success && refused.err == expected, "{refused:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}
