//! Which channels a pattern selects, for the two that follow patterns: a link, and [`Progress`](crate::Progress).
//!
//! The server has checked both names, so they are read as they are.

/// Whether a channel is one of those that a pattern selects: `*` stands for one token, a final `>` for one or more, and
/// neither for one of the system's, which begins with `$`.
pub(crate) fn covers(pattern: &str, channel: &str) -> bool {
    let mut tokens = channel.split('.');
    for wanted in pattern.split('.') {
        match (wanted, tokens.next()) {
            (">", Some(token)) => return !token.starts_with('$'),
            ("*", Some(token)) if !token.starts_with('$') => {}
            (wanted, Some(token)) if wanted == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn patterns_cover_what_the_server_says_they_do() {
        for (pattern, channel) in [
            ("a", "a"),
            ("a.*", "a.b"),
            ("*.b", "a.b"),
            (">", "a"),
            ("a.>", "a.b.c"),
            ("*.>", "a.b"),
            ("$presence.*", "$presence.a"),
        ] {
            assert!(covers(pattern, channel), "{pattern} {channel}");
        }
        for (pattern, channel) in [
            ("a", "a.b"),
            ("a.b", "a"),
            ("a.*", "a"),
            ("a.*", "a.b.c"),
            ("a.>", "a"),
            ("*", "a.b"),
            (">", "$presence.a"),
            ("*.a", "$presence.a"),
        ] {
            assert!(!covers(pattern, channel), "{pattern} {channel}");
        }
    }
}
