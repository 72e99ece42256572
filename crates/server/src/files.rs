//! The files of `web/`, embedded: the binary needs nothing beside it.

/// One file of the page.
pub(crate) struct File {
    pub(crate) name: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) body: &'static [u8],
}

/// The page itself.
pub(crate) const INDEX: &[u8] = include_bytes!("../../../web/index.html");

/// Its emblem, which browsers also ask for by themselves.
pub(crate) const FAVICON: &[u8] = include_bytes!("../../../web/favicon.svg");

pub(crate) const SVG: &str = "image/svg+xml";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! file {
    ($name:literal, $content_type:expr) => {
        File {
            name: $name,
            content_type: $content_type,
            body: include_bytes!(concat!("../../../web/", $name)),
        }
    };
}

/// What the page loads, under `/assets/`.
pub(crate) const ASSETS: &[File] = &[
    file!("style.css", CSS),
    file!("favicon.svg", SVG),
    file!("theme.js", SCRIPT),
    file!("console.js", SCRIPT),
    file!("publish.js", SCRIPT),
    file!("pane.js", SCRIPT),
    file!("rows.js", SCRIPT),
    file!("latency.js", SCRIPT),
    file!("ledger.js", SCRIPT),
    file!("chart.js", SCRIPT),
    file!("snippets.js", SCRIPT),
    file!("tidewire.js", SCRIPT),
];
