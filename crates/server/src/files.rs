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
];
