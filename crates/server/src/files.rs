//! The files of `web/`, embedded: the binary needs nothing beside it.

/// One file of the page.
pub(crate) struct File {
    pub(crate) name: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) body: &'static [u8],
}

macro_rules! file {
    ($name:literal, $content_type:expr) => {
        File {
            name: $name,
            content_type: $content_type,
            body: include_bytes!(concat!("../../../web/", $name)),
        }
    };
}

/// The page itself.
pub(crate) static INDEX: File = file!("index.html", "text/html; charset=utf-8");

/// Its emblem, which browsers also ask for by themselves.
pub(crate) static FAVICON: File = file!("favicon.svg", SVG);

const SVG: &str = "image/svg+xml";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// What the page loads, under `/assets/`.
pub(crate) static ASSETS: &[File] = &[
    file!("style.css", CSS),
    file!("favicon.svg", SVG),
    file!("theme.js", SCRIPT),
    file!("console.js", SCRIPT),
    file!("publish.js", SCRIPT),
    file!("pane.js", SCRIPT),
    file!("rows.js", SCRIPT),
    file!("latency.js", SCRIPT),
    file!("timeline.js", SCRIPT),
    file!("chart.js", SCRIPT),
    file!("snippets.js", SCRIPT),
    file!("token.js", SCRIPT),
    file!("tidewire.js", SCRIPT),
    file!("client/tidewire.js", SCRIPT),
    file!("client/core.js", SCRIPT),
    file!("client/tide.js", SCRIPT),
    file!("client/link.js", SCRIPT),
    file!("client/choose.js", SCRIPT),
    file!("client/page.js", SCRIPT),
    file!("client/tabs.js", SCRIPT),
    file!("client/streams.js", SCRIPT),
    file!("client/subscription.js", SCRIPT),
    file!("client/positions.js", SCRIPT),
    file!("client/server.js", SCRIPT),
    file!("client/errors.js", SCRIPT),
    file!("client/full.js", SCRIPT),
    file!("client/outbox.js", SCRIPT),
    file!("client/kept.js", SCRIPT),
    file!("client/map.js", SCRIPT),
    file!("client/presence.js", SCRIPT),
    file!("client/live.js", SCRIPT),
    file!("client/history.js", SCRIPT),
    file!("client/again.js", SCRIPT),
    file!("client/react.js", SCRIPT),
    file!("client/svelte.js", SCRIPT),
    file!("client/vue.js", SCRIPT),
    file!("client/follow.js", SCRIPT),
    file!("client/transports/websocket.js", SCRIPT),
    file!("client/transports/frames.js", SCRIPT),
    file!("client/transports/sse.js", SCRIPT),
    file!("client/transports/poll.js", SCRIPT),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, fs, path::Path};

    /// The scripts in `folder` of `web/`, by their names from there.
    fn scripts(folder: &str) -> BTreeSet<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web").join(folder);
        let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name());
        let names = entries.map(|name| format!("{folder}/{}", name.to_str().unwrap()));
        names.filter(|name| name.ends_with(".js")).collect()
    }

    #[test]
    fn every_script_of_the_client_is_embedded() {
        let folders = ["client", "client/transports"];
        let there: BTreeSet<String> = folders.into_iter().flat_map(scripts).collect();
        let embedded = ASSETS.iter().map(|file| file.name.to_owned());
        let embedded: BTreeSet<String> =
            embedded.filter(|name| name.starts_with("client/")).collect();
        assert_eq!(there, embedded);
    }
}
