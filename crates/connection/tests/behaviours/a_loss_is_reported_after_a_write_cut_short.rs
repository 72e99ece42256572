//! A gap found while answers were still going out is found again.
#![allow(missing_docs)]

use crate::common::{Server, TIDEWIRE, texts};

#[test]
fn a_loss_is_reported_after_a_write_cut_short() {
    for cut in 0..140 {
        let mut server = Server::keeping(1);
        ["one", "two"].iter().for_each(|text| server.text("a.x", text));
        let mut connection = server.open(TIDEWIRE, &[("a.*", "10-0")]);
        let mut output = Vec::new();
        server.write(&mut connection, cut, &mut output);
        output.extend(server.output(&mut connection));
        let [_, place, gap, message] = &texts(&output)[..] else {
            panic!("cut at {cut}: {output:?}")
        };
        assert_eq!(place, r#"{"type":"position","position":"10-0"}"#);
        assert_eq!(gap, r#"{"type":"gap","channel":"a.*","from":"10-0","to":"10-1"}"#);
        assert!(message.contains("two"));
    }
}
