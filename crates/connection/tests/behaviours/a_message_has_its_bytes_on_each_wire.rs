//! Text, JSON, binary, a tombstone, an event name and a key, spelled on every wire.
#![allow(missing_docs)]

use crate::common::{ALL, Server};
use tidewire_broker::{Content, Draft};

/// What each wire of [`ALL`] carries for a draft in channel `a` at `10-1`, behind its opening.
fn spell(draft: &Draft) -> [String; 7] {
    ALL.map(|wire| {
        let mut server = Server::new();
        let mut connection = server.open(wire, &[("a", "now")]);
        server.output(&mut connection);
        server.publish("a", draft.clone());
        server.output(&mut connection).iter().map(|byte| char::from(*byte)).collect()
    })
}

#[test]
fn text() {
    let object = r#"{"channel":"a","position":"10-1","time":5,"data":"hi"}"#;
    let said = r#"{"type":"message","channel":"a","position":"10-1","time":5,"data":"hi"}"#;
    assert_eq!(
        spell(&Draft::new(Content::Text("hi".into()))),
        [
            "13\r\nid: 10-1\ndata: hi\n\n\r\n".to_owned(),
            format!("47\r\nid: 10-1\ndata: {object}\n\n\r\n"),
            format!("37\r\n{object}\n\r\n"),
            "3\r\nhi\n\r\n".to_owned(),
            "\u{81}\u{2}hi".to_owned(),
            format!("\u{81}\u{36}{object}"),
            format!("\u{81}\u{47}{said}"),
        ]
    );
}

#[test]
fn json_with_an_event_and_a_key() {
    let mut draft = Draft::new(Content::Json(r#"{"x":1}"#.into()));
    (draft.event, draft.key) = ("said".parse().ok(), "k".parse().ok());
    let object =
        r#"{"channel":"a","position":"10-1","time":5,"event":"said","key":"k","data":{"x":1}}"#;
    let [sse, sse_json, stream, raw_line, raw, json, _] = spell(&draft);
    assert_eq!(sse, "24\r\nid: 10-1\nevent: said\ndata: {\"x\":1}\n\n\r\n");
    assert_eq!(sse_json, format!("63\r\nid: 10-1\ndata: {object}\n\n\r\n"));
    assert_eq!(stream, format!("53\r\n{object}\n\r\n"));
    assert_eq!(raw_line, "8\r\n{\"x\":1}\n\r\n");
    assert_eq!(raw, "\u{81}\u{7}{\"x\":1}");
    assert_eq!(json, format!("\u{81}\u{52}{object}"));
}

#[test]
fn binary() {
    let [sse, _, stream, raw_line, raw, ..] = spell(&Draft::new(Content::Binary([0, 255].into())));
    let url = "data:application/octet-stream;base64,AP8=";
    assert_eq!(sse, format!("3a\r\nid: 10-1\ndata: {url}\n\n\r\n"));
    let data = r#"{"channel":"a","position":"10-1","time":5,"data":"AP8=","encoding":"base64"}"#;
    assert_eq!(stream, format!("4d\r\n{data}\n\r\n"));
    assert_eq!(raw_line, format!("2a\r\n{url}\n\r\n"));
    assert_eq!(raw, "\u{82}\u{2}\0\u{ff}");
}

#[test]
fn a_tombstone() {
    let [sse, _, stream, raw_line, raw, ..] = spell(&Draft::new(Content::Nothing));
    assert_eq!(sse, "a\r\nid: 10-1\n\n\r\n");
    assert_eq!(stream, "2b\r\n{\"channel\":\"a\",\"position\":\"10-1\",\"time\":5}\n\r\n");
    assert_eq!(raw_line, "1\r\n\n\r\n");
    assert_eq!(raw, "");
}
