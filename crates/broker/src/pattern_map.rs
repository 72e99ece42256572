//! Values filed under patterns, looked up by channel: a trie of tokens.
//!
//! A lane asks it which patterns a dirty channel concerns, without trying each pattern in turn.

use crate::{ChannelName, Pattern};
use std::collections::HashMap;

/// Values by pattern; a channel finds those of every pattern that selects it.
#[derive(Debug)]
pub struct PatternMap<V> {
    root: Node<V>,
}

#[derive(Debug)]
struct Node<V> {
    value: Option<V>,
    rest: Option<V>,
    any: Option<Box<Node<V>>>,
    tokens: HashMap<Box<str>, Node<V>>,
}

impl<V> Default for PatternMap<V> {
    fn default() -> Self {
        Self { root: Node::default() }
    }
}

impl<V> Default for Node<V> {
    fn default() -> Self {
        Self { value: None, rest: None, any: None, tokens: HashMap::new() }
    }
}

impl<V> PatternMap<V> {
    /// Whether nothing is filed.
    pub fn is_empty(&self) -> bool {
        self.root.is_empty()
    }

    /// The place of `pattern`'s value, made if there was none.
    pub fn entry(&mut self, pattern: &Pattern) -> &mut Option<V> {
        let mut node = &mut self.root;
        for token in pattern.as_str().split('.') {
            node = match token {
                ">" => return &mut node.rest,
                "*" => node.any.get_or_insert_default(),
                _ => node.tokens.entry(token.into()).or_default(),
            };
        }
        &mut node.value
    }

    /// The value of exactly this pattern.
    pub fn find(&self, pattern: &Pattern) -> Option<&V> {
        let mut node = &self.root;
        for token in pattern.as_str().split('.') {
            node = match token {
                ">" => return node.rest.as_ref(),
                "*" => node.any.as_deref()?,
                _ => node.tokens.get(token)?,
            };
        }
        node.value.as_ref()
    }

    /// Takes out the value of exactly this pattern, and the branches that only led there.
    pub fn remove(&mut self, pattern: &Pattern) -> Option<V> {
        self.root.remove(pattern.as_str())
    }

    /// Whether any pattern selects `channel`.
    pub fn has_match(&self, channel: &ChannelName) -> bool {
        let mut has = false;
        self.each_match(channel, |_| has = true);
        has
    }

    /// Calls `found` with the value of each pattern that selects `channel`.
    pub fn each_match(&self, channel: &ChannelName, mut found: impl FnMut(&V)) {
        self.root.each_match(channel.as_str(), &mut found);
    }
}

impl<V> Node<V> {
    fn is_empty(&self) -> bool {
        self.value.is_none() && self.rest.is_none() && self.any.is_none() && self.tokens.is_empty()
    }

    fn remove(&mut self, path: &str) -> Option<V> {
        let (token, path) = split_token(path);
        match (token, path) {
            (">", _) => self.rest.take(),
            ("*", path) => {
                let child = self.any.as_mut()?;
                let value = child.remove_below(path);
                if child.is_empty() {
                    self.any = None;
                }
                value
            }
            (token, path) => {
                let child = self.tokens.get_mut(token)?;
                let value = child.remove_below(path);
                if child.is_empty() {
                    self.tokens.remove(token);
                }
                value
            }
        }
    }

    fn remove_below(&mut self, path: Option<&str>) -> Option<V> {
        match path {
            None => self.value.take(),
            Some(path) => self.remove(path),
        }
    }

    fn each_match(&self, path: &str, found: &mut impl FnMut(&V)) {
        let (token, path) = split_token(path);
        let wild = !token.starts_with('$');
        if wild && let Some(value) = &self.rest {
            found(value);
        }
        let any = self.any.as_deref().filter(|_| wild);
        for child in self.tokens.get(token).into_iter().chain(any) {
            match path {
                None => child.value.iter().for_each(&mut *found),
                Some(path) => child.each_match(path, found),
            }
        }
    }
}

fn split_token(path: &str) -> (&str, Option<&str>) {
    match path.split_once('.') {
        Some((token, path)) => (token, Some(path)),
        None => (path, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENS: [&str; 3] = ["a", "b", "$c"];

    fn random_text(random: &mut fastrand::Rng, wildcards: bool) -> String {
        let count = random.usize(1..=3);
        let tokens: Vec<&str> = (0..count)
            .map(|at| match random.u8(0..4) {
                0 if wildcards => "*",
                1 if wildcards && at + 1 == count => ">",
                _ if at == 0 => TOKENS[random.usize(0..3)],
                _ => TOKENS[random.usize(0..2)],
            })
            .collect();
        tokens.join(".")
    }

    #[test]
    fn the_map_agrees_with_trying_each_pattern() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..2_000 {
            let mut map = PatternMap::default();
            let mut naive: Vec<Pattern> = Vec::new();
            for _ in 0..random.usize(0..12) {
                let pattern: Pattern = random_text(&mut random, true).parse().unwrap();
                if naive.contains(&pattern) && random.bool() {
                    naive.retain(|kept| *kept != pattern);
                    assert_eq!(map.remove(&pattern), Some(pattern));
                } else {
                    *map.entry(&pattern) = Some(pattern.clone());
                    naive.retain(|kept| *kept != pattern);
                    naive.push(pattern);
                }
            }
            let channel: ChannelName = random_text(&mut random, false).parse().unwrap();
            let mut found: Vec<String> = Vec::new();
            map.each_match(&channel, |pattern| found.push(pattern.to_string()));
            let mut wanted: Vec<String> =
                naive.iter().filter(|p| p.matches(&channel)).map(Pattern::to_string).collect();
            found.sort();
            wanted.sort();
            assert_eq!(found, wanted, "{channel}");
        }
    }

    #[test]
    fn removing_the_last_pattern_leaves_nothing_behind() {
        let mut map = PatternMap::default();
        for text in ["a.*.c", "a.>", "a.b"] {
            *map.entry(&text.parse().unwrap()) = Some(text);
        }
        for text in ["a.*.c", "a.>", "a.b"] {
            assert_eq!(map.remove(&text.parse().unwrap()), Some(text));
        }
        assert!(map.root.is_empty());
    }
}
