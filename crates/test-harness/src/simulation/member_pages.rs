//! Checks of one page of members, and of one follower, against the log.

use super::{
    checkers::Follow,
    history::Entry,
    membership::{Membership, PREFIX},
    oracle::{Oracle, matches},
};
use std::collections::BTreeSet;
use tidewire_protocol::{Bookmark, Position, PresencePage, Since};

/// Where the next page begins: after this one.
pub(crate) fn check_change(page: &PresencePage, since: Option<Since>) -> Result<Since, String> {
    match since {
        Some(Since::After(Bookmark { after: before, .. }))
            if page.more && page.position.after.offset <= before.offset =>
        {
            Err(format!("a page of members goes on from {before} to {}", page.position))
        }
        _ => Ok(page.position.into()),
    }
}

/// Checks that a follower knows exactly the members that joined after it began, and counts them.
pub(crate) fn check_known(
    follow: &Follow,
    channel: &str,
    listed: &BTreeSet<Membership>,
    oracle: &Oracle<'_>,
) -> Result<u64, String> {
    let name = format!("{PREFIX}{channel}");
    let Some((known, began)) = follow.known(&name).filter(|_| matches(&follow.pattern, &name))
    else {
        return Ok(0);
    };
    let epoch = oracle.broker.epoch();
    let is_listed = |entry: &Entry| {
        entry.is_value()
            && Membership::of_message(&entry.channel, &entry.draft)
                .is_some_and(|membership| listed.contains(&membership))
    };
    for (offset, entry) in oracle.history.of_channel(epoch, &name) {
        if offset > began && is_listed(entry) && !known.contains(&offset) {
            return Err(format!("{}: {:?} is not known to be there", follow.pattern, entry.draft));
        }
    }
    Ok(u64::try_from(known.len()).unwrap_or(0))
}

/// Checks a page that a client has asked for: everything on it happened after `since`, and everything that happened
/// since and still holds is on it.
pub(crate) fn check_asked(
    page: &PresencePage,
    since: Option<Position>,
    oracle: &Oracle<'_>,
) -> Result<(), String> {
    let (name, epoch) = (format!("{PREFIX}{}", page.channel), page.position.after.epoch);
    let after = since.filter(|since| since.epoch == epoch).map_or(0, |since| since.offset);
    let held = oracle.holdings();
    let mut listed: BTreeSet<(&str, bool)> = BTreeSet::new();
    for (offset, entry) in oracle.history.between(epoch, after, page.position.after.offset) {
        let Some(key) = entry.draft.key.as_ref().filter(|_| entry.channel == name) else {
            continue;
        };
        let is_there = !entry.is_tombstone();
        listed.insert((key.as_str(), is_there));
        let is_owed = !entry.is_superseded && !held.lack(offset);
        let mut members = page.members.iter().map(|member| &member.connection);
        if is_owed && is_there && !members.any(|name| name == key.as_str()) {
            return Err(format!("{:?} is missing from {page:?}", entry.draft));
        }
        if is_owed && !is_there && since.is_some() && !page.left.iter().any(|it| it == key.as_str())
        {
            return Err(format!("{page:?} does not say that {key:?} left"));
        }
    }
    let members = page.members.iter().map(|member| (&*member.connection, true));
    let left = page.left.iter().map(|name| (&**name, false));
    match members.chain(left).find(|it| !listed.contains(it)) {
        Some((name, _)) => Err(format!("{name} is on {page:?} for no reason")),
        None => Ok(()),
    }
}
