//! `tidewire check-config --json` of a file with several mistakes.

use crate::program::{folder, run, tidewire};

#[tokio::test]
async fn each_error_is_an_item() {
    let folder = folder();
    let file = folder.path().join("a.toml");
    std::fs::write(&file, "lisen = 1\nworkers = 0\n[channels.a]\nkeys_mx = 5\n").unwrap();
    let path = file.to_str().unwrap();
    let mut check = tidewire(&["check-config", "--json", "--config", path]);
    let checked = run(check.env("TIDEWIRE_DRAIN", "soon")).await;
    assert!(!checked.is_success && checked.err.starts_with("tidewire: the configuration has 4"));
    let answer: serde_json::Value = serde_json::from_str(&checked.out).unwrap();
    let errors: Vec<_> =
        answer["errors"].as_array().unwrap().iter().map(|error| error.as_str().unwrap()).collect();
    assert_eq!(errors.len(), 4, "{errors:?}");
    for beginning in [
        "the environment: TIDEWIRE_DRAIN: \"soon\" is ".to_owned(),
        format!("{path}: there is no setting lisen; did you mean listen?"),
        format!("{path}: [channels.\"a\"] has no option keys_mx; did you mean keys_max?"),
        "workers is 0; it has to be ".to_owned(),
    ] {
        assert!(
            errors.iter().any(|error| error.starts_with(&beginning)),
            "{beginning} is not in {errors:?}"
        );
    }
}
