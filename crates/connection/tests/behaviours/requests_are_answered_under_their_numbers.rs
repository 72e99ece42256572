//! tidewire.v1: each request has its answer, or its error, with its id.
#![allow(missing_docs)]

use crate::common::{Server, TIDEWIRE};

#[test]
fn subscribe_publish_unsubscribe() {
    let mut server = Server::new();
    let mut connection = server.open(TIDEWIRE, &[]);
    server.output(&mut connection);
    assert_eq!(
        server.answer(&mut connection, r#"{"type":"subscribe","id":1,"channel":"chat.*"}"#),
        [r#"{"type":"subscribed","id":1,"channel":"chat.*","position":"10-0"}"#]
    );
    let publish =
        r#"{"type":"publish","id":2,"channel":"chat.x","data":{"n":1},"event":"e","key":"k"}"#;
    assert_eq!(
        server.answer(&mut connection, publish),
        [
            r#"{"type":"published","id":2,"position":"10-1"}"#,
            r#"{"type":"message","channel":"chat.x","position":"10-1","time":5,"event":"e","key":"k","data":{"n":1}}"#
        ]
    );
    assert_eq!(
        server.answer(&mut connection, r#"{"type":"unsubscribe","id":3,"channel":"chat.*"}"#),
        [r#"{"type":"unsubscribed","id":3,"channel":"chat.*"}"#]
    );
    server.text("chat.x", "unheard");
    assert_eq!(server.output(&mut connection), b"");
}

#[test]
fn news_of_a_subscription_that_ended_is_not_delivered() {
    let mut server = Server::new();
    let mut connection = server.open(TIDEWIRE, &[("a.*", "now"), ("b.*", "now")]);
    server.output(&mut connection);
    server.text("a.x", "unheard");
    let ended = server.answer(&mut connection, r#"{"type":"unsubscribe","id":1,"channel":"a.*"}"#);
    assert_eq!(ended, [r#"{"type":"unsubscribed","id":1,"channel":"a.*"}"#]);
}

#[test]
fn history() {
    let mut server = Server::new();
    ["one", "two", "three"].iter().for_each(|text| server.text("a", text));
    let mut connection = server.open(TIDEWIRE, &[]);
    server.output(&mut connection);
    assert_eq!(
        server.answer(
            &mut connection,
            r#"{"type":"history","id":4,"channel":"a","since":"10-1","limit":1}"#
        ),
        [
            r#"{"type":"history","id":4,"messages":[{"channel":"a","position":"10-2","time":5,"data":"two"}],"position":"10-2","before":"10-2","more":true}"#
        ]
    );
    assert_eq!(
        server.answer(
            &mut connection,
            r#"{"type":"history","id":5,"channel":"*","before":"10-3","limit":1}"#
        ),
        [
            r#"{"type":"history","id":5,"messages":[{"channel":"a","position":"10-2","time":5,"data":"two"}],"position":"10-2","before":"10-2","more":true}"#
        ]
    );
}

#[test]
fn every_refusal_says_which_request_and_why() {
    let mut server = Server::new();
    let mut connection = server.open(TIDEWIRE, &[("a", "now")]);
    server.output(&mut connection);
    for (request, head) in [
        ("nonsense", r#"{"type":"error","code":"bad_request""#),
        (r#"{"type":"fly","id":1}"#, r#"{"type":"error","id":1,"code":"unknown_type""#),
        (
            r#"{"type":"subscribe","id":2,"channel":"a b"}"#,
            r#"{"type":"error","id":2,"code":"bad_channel""#,
        ),
        (
            r#"{"type":"subscribe","id":3,"channel":"a"}"#,
            r#"{"type":"error","id":3,"code":"already_subscribed""#,
        ),
        (
            r#"{"type":"unsubscribe","id":4,"channel":"b"}"#,
            r#"{"type":"error","id":4,"code":"not_subscribed""#,
        ),
        (
            r#"{"type":"publish","id":5,"channel":"$x","data":1}"#,
            r#"{"type":"error","id":5,"code":"forbidden""#,
        ),
        (
            r#"{"type":"publish","id":6,"channel":"a","data":1,"encoding":"base64"}"#,
            r#"{"type":"error","id":6,"code":"bad_data""#,
        ),
        (
            r#"{"type":"publish","id":7,"channel":"a","data":1,"event":"error"}"#,
            r#"{"type":"error","id":7,"code":"bad_request","message":"event is error, which"#,
        ),
        (
            r#"{"type":"publish","id":12,"channel":"a","data":1,"event":"open"}"#,
            r#"{"type":"error","id":12,"code":"bad_request","message":"event is open, which"#,
        ),
        (
            r#"{"type":"history","id":8,"channel":"a","before":"yesterday"}"#,
            r#"{"type":"error","id":8,"code":"bad_position""#,
        ),
        (
            r#"{"type":"history","id":9,"channel":"a","before":"now","until":"now"}"#,
            r#"{"type":"error","id":9,"code":"bad_request""#,
        ),
        (
            r#"{"type":"presence","id":7,"channel":"a"}"#,
            r#"{"type":"error","id":7,"code":"not_found""#,
        ),
        (
            r#"{"type":"history","id":10,"channel":"a","limit":0}"#,
            r#"{"type":"error","id":10,"code":"bad_request","message":"limit=0 is not a whole"#,
        ),
        (
            r#"{"type":"presence","id":11,"channel":"a","limit":0}"#,
            r#"{"type":"error","id":11,"code":"bad_request","message":"limit=0 is not a whole"#,
        ),
    ] {
        let answer = server.answer(&mut connection, request);
        assert!(answer.len() == 1 && answer[0].starts_with(head), "{answer:?}");
    }
    assert_eq!(server.worker.broker.head(), 0);
}
