//! The members of a channel: all pages, joined.

use crate::{Client, PageError, page};
use reqwest::Method;
use std::collections::HashMap;
use tidewire_protocol::{Bookmark, Member, PresencePage};

/// The members of a channel at one moment.
#[derive(Clone, Debug)]
pub struct Presence {
    /// In no particular order; each connection once.
    pub members: Vec<Member>,
    /// The moment: a subscription to `$presence.` and the channel's name goes on from here.
    pub position: Bookmark,
}

impl Client {
    /// The members of a channel with presence, as of one moment. Sends as many requests as it takes pages.
    ///
    /// # Errors
    ///
    /// A page could not be read. The error says why, and whether to try again.
    pub async fn presence(&self, channel: &str) -> Result<Presence, PageError> {
        collect(self, channel).await
    }
}

/// Asks for page after page until there is no more.
async fn collect(client: &Client, channel: &str) -> Result<Presence, PageError> {
    let path = ["channels", channel, "presence"];
    let (mut members, mut since) = (HashMap::new(), None);
    loop {
        let since_text = since.as_ref().map(Bookmark::to_string);
        let since_query = since_text.as_deref().map(|since| ("since", since));
        let query: Vec<_> = since_query.into_iter().chain([("limit", PAGE_MEMBERS)]).collect();
        let page: PresencePage =
            page::ask(client.request(Method::GET, &path, &query), client).await?;
        if !page.gaps.is_empty() {
            // The server cannot list any more who has left since the first page.
            members.clear();
            since = None;
            continue;
        }
        for connection in &page.left {
            members.remove(connection);
        }
        members.extend(page.members.into_iter().map(|it| (it.connection.clone(), it)));
        since = Some(page.position);
        if !page.more {
            return Ok(Presence {
                members: members.into_values().collect(),
                position: page.position,
            });
        }
    }
}

/// The most that a server with default settings returns at once.
const PAGE_MEMBERS: &str = "1000";
