//! The grammar of `Sec-WebSocket-Extensions` ([RFC 6455 §9.1]), whatever the extension.
//!
//! A list divided by commas, over all lines of the header; each element a name, then parameters
//! behind semicolons; a parameter's value a token, or one in quotes.
//!
//! [RFC 6455 §9.1]: https://www.rfc-editor.org/rfc/rfc6455#section-9.1

use alloc::string::String;
use alloc::vec::Vec;

/// An extension, as offered or accepted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Extension<'a> {
    pub(super) name: &'a str,
    pub(super) parameters: Vec<Parameter<'a>>,
}

/// A parameter of an extension.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parameter<'a> {
    pub(super) name: &'a str,
    /// The value out of its quotes, which makes no difference.
    pub(super) value: Option<String>,
}

/// Reads the values of every `Sec-WebSocket-Extensions` line, in their order.
///
/// Returns `None` when one of them breaks the grammar.
pub(super) fn read<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<Vec<Extension<'a>>> {
    let mut extensions = Vec::new();
    for line in lines {
        let mut rest = Unparsed(line);
        // Empty elements mean nothing (RFC 2616 §2.1).
        while !rest.is_empty() {
            if !rest.take(',') {
                extensions.push(rest.extension()?);
            }
        }
    }
    Some(extensions)
}

/// What is left of a line. Every word may have blanks around it.
struct Unparsed<'a>(&'a str);

impl<'a> Unparsed<'a> {
    fn extension(&mut self) -> Option<Extension<'a>> {
        let name = self.token()?;
        let mut parameters = Vec::new();
        while self.take(';') {
            let name = self.token()?;
            let value = if self.take('=') { Some(self.value()?) } else { None };
            parameters.push(Parameter { name, value });
        }
        let ends = self.is_empty() || self.take(',');
        ends.then_some(Extension { name, parameters })
    }

    fn value(&mut self) -> Option<String> {
        if !self.take('"') {
            return self.token().map(String::from);
        }
        let mut value = String::new();
        loop {
            let mut characters = self.0.chars();
            let character = match characters.next()? {
                '"' => break,
                '\\' => characters.next()?,
                other => other,
            };
            value.push(character);
            self.0 = characters.as_str();
        }
        self.0 = self.0.get(1..)?;
        let is_token = !value.is_empty() && value.chars().all(is_token_character);
        is_token.then_some(value)
    }

    fn token(&mut self) -> Option<&'a str> {
        self.skip_blanks();
        let len = self.0.find(|character| !is_token_character(character)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        (!token.is_empty()).then_some(token)
    }

    fn take(&mut self, character: char) -> bool {
        self.skip_blanks();
        let rest = self.0.strip_prefix(character);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn is_empty(&mut self) -> bool {
        self.skip_blanks();
        self.0.is_empty()
    }

    fn skip_blanks(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }
}

fn is_token_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;
    use alloc::format;
    use alloc::vec;

    use super::*;

    /// Each extension as `name;parameter=value`, the values out of their quotes.
    fn spelled(lines: &[&str]) -> Option<Vec<String>> {
        let spell = |extension: Extension<'_>| {
            let mut spelled = extension.name.to_owned();
            for Parameter { name, value } in extension.parameters {
                spelled += &match value {
                    Some(value) => format!(";{name}={value}"),
                    None => format!(";{name}"),
                };
            }
            spelled
        };
        Some(read(lines.iter().copied())?.into_iter().map(spell).collect())
    }

    #[test]
    fn lists_are_read_over_all_lines() {
        for (lines, expected) in [
            (&[][..], vec![]),
            (&["", " \t", ",, ,"], vec![]),
            (&["a"], vec!["a"]),
            (&["a,b", "c"], vec!["a", "b", "c"]),
            (&[", a ,,\tb;x , "], vec!["a", "b;x"]),
            (&["a;x;y=1;z=\"2\""], vec!["a;x;y=1;z=2"]),
            (&["a ; x = 1 ; y"], vec!["a;x=1;y"]),
            (&["a;x=\"\\1\\5\""], vec!["a;x=15"]),
            (&["!#$%&'*+-.^_`|~;9"], vec!["!#$%&'*+-.^_`|~;9"]),
        ] {
            let expected = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(spelled(lines), Some(expected), "{lines:?}");
        }
    }

    #[test]
    fn what_breaks_the_grammar_is_refused() {
        for line in [
            "a b",
            "a;",
            "a;;b",
            ";a",
            "=a",
            "a=1",
            "a;=1",
            "a;x=",
            "a;x==1",
            "a;x=1=2",
            "a;x 1",
            "a;x=\"",
            "a;x=\"1",
            "a;x=\"1\\",
            "a;x=\"\"",
            "a;x=\"1 2\"",
            "a;x=\"1,2\"",
            "a;x=\"1\"2",
            "a/b",
            "a;x=(1)",
            "é",
            "a;x=é",
            "a\r\n",
            "a,b c",
        ] {
            assert_eq!(spelled(&[line]), None, "{line:?}");
            assert_eq!(spelled(&["fine", line]), None, "{line:?} after another");
        }
    }
}
