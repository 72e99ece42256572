//! `tidewire data backup` with `--data`, with `--url`, and with both.

use crate::program::{folder, run, tidewire};

#[tokio::test]
async fn both_flags_are_refused_and_a_variable_that_is_set_for_everything_is_not() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (file, data) = (path("copy"), path("data"));
    let backup = ["data", "backup", &file, "--data", &data];
    let both = run(tidewire(&backup).args(["--url", "8080"])).await;
    assert!(
        !both.is_success && both.err.contains("--url and --data exclude each other"),
        "{both:?}"
    );
    assert!(!std::fs::exists(file.clone() + ".part").unwrap(), "nothing was begun");
    let folder_alone = run(tidewire(&backup).env("TIDEWIRE_URL", "8080")).await;
    assert!(folder_alone.err.contains("has no store"), "{folder_alone:?}");
}
