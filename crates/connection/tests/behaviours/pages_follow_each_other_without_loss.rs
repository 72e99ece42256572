//! History: each page begins where the one before ended, whichever way the pages go.
#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::{Server, may_look_back, may_read, show};
use tidewire_broker::{Content, Draft};
use tidewire_connection::{Format, Limits, Page, PageRequest, Refusal, Span};
use tidewire_protocol::HistoryPage;

/// A page's JSON; of `since`, `before` and `until`, the empty ones are left out.
fn json(server: &Server, pattern: &str, places: [&str; 3], limit: usize) -> String {
    let [since, before, until] = places.map(|text| Some(text).filter(|text| !text.is_empty()));
    let span = Span::parse(since, before, until).unwrap();
    let request = PageRequest {
        permit: may_read(pattern),
        history: may_look_back(),
        span,
        limit: Some(limit),
    };
    let Server { worker, time, .. } = server;
    let page = Page::read(request, &worker.broker, &worker.limits, *time);
    let mut json = Vec::new();
    page.write_json(Format::Json, &worker.broker, &mut json);
    show(&json)
}

fn page(server: &Server, pattern: &str, places: [&str; 3], limit: usize) -> HistoryPage {
    serde_json::from_str(&json(server, pattern, places, limit)).unwrap()
}

fn numbers(page: &HistoryPage) -> Vec<u32> {
    page.messages.iter().map(|message| message.text().unwrap().parse().unwrap()).collect()
}

/// The numbers from 0 to 49 in two channels, one a millisecond from 1005 on, and others between.
fn fifty() -> Server {
    let mut server = Server::new();
    for n in 0..50 {
        server.time.wall_ms = 1_005 + n;
        server.text(if n % 3 == 0 { "a.x" } else { "a.y" }, &n.to_string());
        server.text("b", "between");
    }
    server
}

#[test]
fn pages_forward_hold_everything_once() {
    let server = fifty();
    for limit in [1, 2, 3, 7, 50, 100] {
        let (mut since, mut received) = ("earliest".to_owned(), Vec::new());
        loop {
            let page = page(&server, "a.*", [&since, "", ""], limit);
            assert!(page.gaps.is_empty() && page.messages.len() <= limit);
            received.extend(numbers(&page));
            assert_eq!(page.more, received.len() < 50);
            since = page.position.to_string();
            if !page.more {
                break;
            }
        }
        assert_eq!(received, (0..50).collect::<Vec<_>>());
        assert_eq!(since, "10-100");
    }
}

#[test]
fn pages_back_hold_everything_once_and_the_first_goes_on_live() {
    let mut server = fifty();
    for limit in [1, 2, 3, 7, 50, 100] {
        let (mut before, mut received) = ("now".to_owned(), Vec::new());
        loop {
            let page = page(&server, "a.*", ["", &before, ""], limit);
            assert!(page.gaps.is_empty() && page.messages.len() <= limit);
            received.splice(..0, numbers(&page));
            assert_eq!(page.more, received.len() < 50);
            before = page.before.to_string();
            if !page.more {
                break;
            }
        }
        assert_eq!(received, (0..50).collect::<Vec<_>>());
    }
    let newest = page(&server, "a.*", ["", "now", ""], 3);
    server.text("a.x", "50");
    let next = page(&server, "a.*", [&newest.position.to_string(), "", ""], 100);
    assert_eq!((numbers(&newest), numbers(&next)), (vec![47, 48, 49], vec![50]));
}

#[test]
fn a_page_lies_between_its_bounds() {
    let server = fifty();
    for (places, limit, expected, more) in [
        // A message's own position is after what precedes it, and before what follows it.
        (["10-21", "10-41", ""], 100, 11..20, false),
        (["10-21", "", "10-41"], 100, 11..20, false),
        (["10-21", "10-41", ""], 4, 16..20, true),
        (["10-21", "", "10-41"], 4, 11..15, true),
        (["10-19", "10-41", ""], 10, 10..20, false),
        (["@1015", "@1025", ""], 100, 10..20, false),
        (["@1015", "", "@1025"], 5, 10..15, true),
        (["", "@1025", ""], 5, 15..20, true),
        (["", "30ms", ""], 2, 17..19, true),
        (["", "", "@1008"], 100, 0..3, false),
        (["", "10-7", ""], 3, 0..3, false),
        (["", "10-99999", ""], 1, 49..50, true),
        (["", "earliest", ""], 5, 0..0, false),
        (["", "@0", ""], 5, 0..0, false),
        (["now", "", ""], 5, 0..0, false),
        (["10-60", "10-40", ""], 5, 0..0, false),
        (["10-60", "", "10-40"], 5, 0..0, false),
    ] {
        let page = page(&server, "a.*", places, limit);
        assert_eq!(numbers(&page), expected.collect::<Vec<u32>>(), "{places:?}");
        assert_eq!(page.more, more, "{places:?}");
        assert!(page.gaps.is_empty(), "{places:?}: {:?}", page.gaps);
        assert!(
            page.position.after.offset <= 100 && page.before.offset <= 101,
            "{places:?}: {page:?}"
        );
    }
    assert_eq!(page(&server, "a.*", ["10-60", "10-40", ""], 5).before.offset, 40);
}

#[test]
fn a_page_back_over_its_bytes_keeps_the_newest() {
    let limits = Limits { gather_bytes_max: 1_000, ..Limits::default() };
    let mut server = Server::with(tidewire_broker::Limits::default(), limits);
    let text = |n: usize| format!("{n} {}", "x".repeat(n * 97 % 1_500));
    for n in 0..40 {
        server.publish(["a", "b"][n % 2], Draft::new(Content::Text(text(n).into())));
    }
    let (mut before, mut received) = ("now".to_owned(), Vec::new());
    loop {
        let page = page(&server, ">", ["", &before, ""], 100);
        let texts: Vec<_> =
            page.messages.iter().map(|it| it.text().unwrap().into_owned()).collect();
        let bytes: usize = texts.iter().map(String::len).sum();
        assert!(texts.len() == 1 || bytes <= 1_000, "{} messages of {bytes} bytes", texts.len());
        received.splice(..0, texts);
        before = page.before.to_string();
        if !page.more {
            break;
        }
    }
    assert_eq!(received, (0..40).map(text).collect::<Vec<_>>());
}

#[test]
fn a_page_reports_what_is_gone() {
    let mut server = Server::keeping(1);
    ["one", "two"].iter().for_each(|text| server.text("a", text));
    let two = r#"{"messages":[{"channel":"a","position":"10-2","time":5,"data":"two"}]"#;
    let gap = r#""gaps":[{"type":"gap","channel":"a","from":"10-0","to":"10-1"}]}"#;
    let expected = format!(r#"{two},"position":"10-2","before":"10-1",{gap}"#);
    assert_eq!(json(&server, "a", ["10-0", "", ""], 9), expected);
    assert_eq!(json(&server, "a", ["", "now", ""], 9), expected);
    let older = json(&server, "a", ["", "10-2", ""], 9);
    assert_eq!(older, format!(r#"{{"messages":[],"position":"10-1","before":"10-1",{gap}"#));

    // Filled by what it was asked for, a page says nothing of what lies before it.
    let newest = json(&server, "a", ["10-1", "now", ""], 9);
    assert_eq!(newest, format!(r#"{two},"position":"10-2","before":"10-2"}}"#));
}

#[test]
fn a_page_reports_no_loss_beyond_its_end() {
    let mut server = Server::keeping(1);
    ["one", "two", "three"].iter().for_each(|text| server.text("a", text));
    let gap = r#""gaps":[{"type":"gap","channel":"a","from":"10-0","to":"10-1"}]}"#;
    let expected = format!(r#"{{"messages":[],"position":"10-1","before":"10-1",{gap}"#);
    assert_eq!(json(&server, "a", ["", "10-2", ""], 9), expected);
    assert_eq!(json(&server, "a", ["10-0", "", "10-2"], 9), expected);
    for places in [["10-1", "10-2", ""], ["10-1", "", "10-2"], ["10-1", "10-1", ""]] {
        assert!(page(&server, "a", places, 9).gaps.is_empty(), "{places:?}");
    }
}

#[test]
fn a_loss_in_one_channel_is_reported_by_each_page_on_which_it_may_lie() {
    let mut server = Server::keeping(2);
    for text in ["1", "2", "3", "4"] {
        server.text("lossy", text);
    }
    server.text("still", "5");
    ["6", "7"].iter().for_each(|text| server.text("lossy", text));
    let gaps = |page: &HistoryPage| {
        page.gaps.iter().map(|gap| format!("{}..{}", gap.from, gap.to)).collect::<Vec<_>>()
    };
    let newest = page(&server, ">", ["", "now", ""], 2);
    assert_eq!((numbers(&newest), gaps(&newest)), (vec![6, 7], vec![]));
    let older = page(&server, ">", ["", &newest.before.to_string(), ""], 2);
    assert_eq!((numbers(&older), gaps(&older)), (vec![5], vec!["10-0..10-4".to_owned()]));
}

#[test]
fn before_a_place_of_another_epoch_there_is_a_gap_and_nothing_else() {
    let server = fifty();
    for places in [["", "abc-7", ""], ["", "", "abc-7"], ["10-9", "abc-7", ""]] {
        let expected = concat!(
            r#"{"messages":[],"position":"10-0","before":"10-1","#,
            r#""gaps":[{"type":"gap","channel":"a.*","from":"abc-7","to":"10-0"}]}"#
        );
        assert_eq!(json(&server, "a.*", places, 5), expected, "{places:?}");
    }
}

#[test]
fn two_ends_of_one_page_are_refused() {
    let code = |[since, before, until]: [Option<&str>; 3]| {
        Refusal::from(Span::parse(since, before, until).unwrap_err()).code().as_str()
    };
    assert_eq!(code([None, Some("now"), Some("now")]), "bad_request");
    for places in [[Some("?"), None, None], [None, Some("?"), None], [None, None, Some("?")]] {
        assert_eq!(code(places), "bad_position");
    }
}
