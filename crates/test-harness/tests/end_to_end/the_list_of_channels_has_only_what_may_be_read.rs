//! `GET /channels` lists to each sender only the channels that it may subscribe to, also across pages.

use crate::{
    common::{check_problem, within},
    guarded::{Guarded, content, sign},
};
use anyhow::{Result, ensure};
use serde_json::json;
use tidewire_test_harness::peers::http::{get, post};
use tidewire_tokens::Claims;

#[tokio::test]
async fn the_list_of_channels_has_only_what_may_be_read() -> Result<()> {
    within(60, async {
        let guarded = Guarded::start("", "", &[]).await?;
        let address = guarded.server.address();
        let bearer =
            |content: &Claims| Ok::<_, anyhow::Error>(format!("Bearer {}", sign(content)?));
        let all =
            Claims { publish: vec![">".parse()?], subscribe: vec![">".parse()?], ..content()? };
        let all = bearer(&all)?;
        for channel in ["room.a", "secret", "room.b", "room.c", "roommate"] {
            let path = format!("/publish/{channel}");
            let answer = post(address, &path, &[("Authorization", &*all)], b"x").await?;
            ensure!(answer.status == 200, "{channel}: {}", answer.status);
        }
        check_problem(get(address, "/channels", &[]).await?, 401, "unauthorized").await?;
        let nothing = Claims { expires_ms: content()?.expires_ms, ..Default::default() };
        for (token, path, expected) in [
            (&bearer(&content()?)?, "/channels", json!(["room.a", "room.b", "room.c"])),
            (&bearer(&content()?)?, "/channels?limit=2", json!(["room.a", "room.b"])),
            (&bearer(&content()?)?, "/channels?limit=2&after=room.b", json!(["room.c"])),
            (&bearer(&content()?)?, "/channels?pattern=*", json!([])),
            (&bearer(&nothing)?, "/channels", json!([])),
            (&all, "/channels?pattern=*", json!(["roommate", "secret"])),
        ] {
            let page = get(address, path, &[("Authorization", token)]).await?.json().await?;
            let rows = page["channels"].as_array().into_iter().flatten();
            let names: Vec<_> = rows.map(|row| row["channel"].clone()).collect();
            ensure!(json!(names) == expected, "{path}: {page}");
        }
        Ok(())
    })
    .await
}
