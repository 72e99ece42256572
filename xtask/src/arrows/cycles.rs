//! Cycles among the modules of a crate.

use super::modules::Import;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// One line for each cycle among `imports`, those of `package`.
pub(super) fn check(package: &str, imports: &BTreeSet<Import>) -> Vec<String> {
    let cycles = cycles(imports).into_iter();
    cycles
        .map(|cycle| {
            format!("{package}: modules import each other in a circle: {}", cycle.join(" → "))
        })
        .collect()
}

/// The shortest cycle of each group of modules that reach each other, beginning and ending with one module.
fn cycles(imports: &BTreeSet<Import>) -> Vec<Vec<String>> {
    let mut cycles: Vec<Vec<String>> = Vec::new();
    for (from, to) in imports {
        let Some(back) = way(imports, to, from) else { continue };
        let cycle = [vec![from.clone()], back].concat();
        // The same group is met at each of its imports.
        let known = cycles.iter().position(|other| {
            other.first().is_some_and(|name| {
                way(imports, name, from).is_some() && way(imports, from, name).is_some()
            })
        });
        match known.and_then(|index| cycles.get_mut(index)) {
            Some(other) if other.len() > cycle.len() => *other = cycle,
            Some(_) => {}
            None => cycles.push(cycle),
        }
    }
    cycles
}

/// The shortest way over imports, both ends included; one module if both are the same.
fn way(imports: &BTreeSet<Import>, start: &str, end: &str) -> Option<Vec<String>> {
    let mut reached_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(name) = open.pop_front() {
        if name == end {
            let mut way = vec![name.to_owned()];
            let mut at = name;
            while at != start {
                at = reached_from.get(at)?;
                way.push(at.to_owned());
            }
            way.reverse();
            return Some(way);
        }
        for (_, next) in imports.iter().filter(|(from, _)| from == name) {
            if next != start && !reached_from.contains_key(next.as_str()) {
                reached_from.insert(next, name);
                open.push_back(next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(pairs: &[(&str, &str)]) -> BTreeSet<Import> {
        pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
    }

    #[test]
    fn imports_in_one_direction_are_allowed() {
        let imports = imports(&[("broker", "lane"), ("broker", "ring"), ("lane", "ring")]);
        assert_eq!(check("broker", &imports), Vec::<String>::new());
    }

    #[test]
    fn each_circle_is_shown_once_in_its_shortest_form() {
        let imports = imports(&[
            ("a", "b"),
            ("b", "c"),
            ("c", "a"),
            ("c", "b"),
            ("x", "y"),
            ("y", "x"),
            ("y", "a"),
        ]);
        assert_eq!(
            check("broker", &imports),
            [
                "broker: modules import each other in a circle: b → c → b",
                "broker: modules import each other in a circle: x → y → x",
            ]
        );
    }
}
