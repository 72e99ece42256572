//! The core and the port name no codec, no JSON and no dialect: what a new protocol needs is in a file of its own.
#![allow(missing_docs, clippy::unwrap_used)]

use std::{fs, path::Path};

/// Words that only dialects and requests use.
const BANNED: [&str; 7] =
    ["sse_codec", "ws_frame", "json", "dialects", "websocket", "tidewire_v1", "message_view"];

#[test]
fn the_core_names_no_codec_no_json_and_no_dialect() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let core = fs::read_dir(source.join("connection")).unwrap().map(|entry| entry.unwrap().path());
    let around = ["connection.rs", "dialect.rs", "encoding.rs", "batch.rs", "worker.rs"];
    let files: Vec<_> = core.chain(around.map(|name| source.join(name))).collect();
    assert!(files.len() >= 10, "{files:?}");
    for file in files {
        for line in fs::read_to_string(&file).unwrap().lines() {
            let code = line.split("//").next().unwrap().to_lowercase();
            let found = BANNED.iter().find(|word| code.contains(**word));
            assert_eq!(found, None, "{}: {line}", file.display());
        }
    }
}
