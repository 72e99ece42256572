//! Where tokens are checked, a member's `user` is the `sub` of its token; what the client says of itself is marked.

use crate::{
    common::within,
    guarded::{Guarded, content, sign},
};
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tidewire_test_harness::peers::http::get;
use tidewire_tokens::Claims;

#[tokio::test]
async fn presence_shows_the_subject_of_a_token() -> Result<()> {
    within(60, async {
        let rest = "[anonymous]\nsubscribe = \"room.a\"\npresence = \"room.a\"\n\
                    [channels.\"room.>\"]\npresence = true";
        let guarded = Guarded::start("presence_interval = \"50ms\"", rest, &[]).await?;
        let address = guarded.server.address();
        let named = Claims { info: Some(r#"{"name":"Ann"}"#.to_owned()), ..content()? };
        let bearer = format!("Bearer {}", sign(&named)?);
        let path = "/events?channel=room.a&user=root&info=1";
        let _member = get(address, path, &[("Authorization", &*bearer)]).await?;
        let _stranger = get(address, "/stream?channel=room.a&user=u7", &[]).await?;
        let members = loop {
            let page = get(address, "/channels/room.a/presence", &[]).await?.json().await?;
            let members = page["members"].as_array().cloned().unwrap_or_default();
            if members.len() == 2 {
                break members;
            }
        };
        let who = |member: &Value| json!([member["user"], member["info"], member["claimed"]]);
        let mut seen: Vec<Value> = members.iter().map(who).collect();
        seen.sort_by_key(Value::to_string);
        let expected = [
            json!(["u7", {"name": "Ann"}, {"user": "root", "info": 1}]),
            json!([null, null, {"user": "u7"}]),
        ];
        ensure!(seen == expected, "{seen:?}");
        Ok(())
    })
    .await
}
