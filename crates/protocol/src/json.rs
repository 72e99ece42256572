//! Appending JSON to a caller's buffer: a hot path, so without serde, and nothing here can fail.

use crate::{Bookmark, Position};
use base64::{Engine, prelude::BASE64_STANDARD};
use tidewire_names::write_digits;

/// The members of an object, appended one after another.
pub(crate) struct Members<'out> {
    out: &'out mut Vec<u8>,
    first: bool,
}

impl<'out> Members<'out> {
    /// Begins an object.
    pub(crate) fn open(out: &'out mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// Begins an object that says what it is.
    pub(crate) fn tagged(out: &'out mut Vec<u8>, kind: &str) -> Self {
        Self::open(out).text("type", kind)
    }

    pub(crate) fn text(mut self, name: &str, value: &str) -> Self {
        write_string(value, self.name(name));
        self
    }

    pub(crate) fn optional_text(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    pub(crate) fn number(mut self, name: &str, value: u64) -> Self {
        write_digits::<10>(value, self.name(name));
        self
    }

    pub(crate) fn optional_number(self, name: &str, value: Option<u64>) -> Self {
        match value {
            Some(value) => self.number(name, value),
            None => self,
        }
    }

    pub(crate) fn position(self, name: &str, value: Position) -> Self {
        self.bookmark(name, value.into())
    }

    pub(crate) fn optional_position(self, name: &str, value: Option<Position>) -> Self {
        match value {
            Some(value) => self.position(name, value),
            None => self,
        }
    }

    pub(crate) fn bookmark(mut self, name: &str, value: Bookmark) -> Self {
        let out = self.name(name);
        out.push(b'"');
        value.write_to(out);
        out.push(b'"');
        self
    }

    pub(crate) fn base64(mut self, name: &str, value: &[u8]) -> Self {
        write_base64(value, self.name(name));
        self
    }

    /// Appends JSON text as it is, on one line.
    pub(crate) fn raw(mut self, name: &str, json: &str) -> Self {
        let out = self.name(name);
        out.extend(
            json.bytes().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }),
        );
        self
    }

    /// Appends whatever `write` does as the member's value.
    fn with(mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        write(self.name(name));
        self
    }

    /// Appends an array, and what `write` makes of each item.
    pub(crate) fn list<T>(self, name: &str, items: &[T], write: impl Fn(&T, &mut Vec<u8>)) -> Self {
        self.with(name, |out| {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        })
    }

    /// The same, but without a member for an empty list.
    pub(crate) fn optional_list<T>(
        self,
        name: &str,
        items: &[T],
        write: impl Fn(&T, &mut Vec<u8>),
    ) -> Self {
        if items.is_empty() { self } else { self.list(name, items, write) }
    }

    /// Appends `true`, or leaves the member out.
    pub(crate) fn flag(self, name: &str, is_set: bool) -> Self {
        if is_set { self.raw(name, "true") } else { self }
    }

    pub(crate) fn close(self) {
        self.out.push(b'}');
    }

    fn name(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }
}

/// What `write` appends, as text.
pub(crate) fn text_of(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut json = Vec::new();
    write(&mut json);
    String::from_utf8(json).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into())
}

/// Appends a string with the escapes of [RFC 8259 §7], in runs of bytes that need none.
///
/// [RFC 8259 §7]: https://www.rfc-editor.org/rfc/rfc8259#section-7
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\')
    {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((&byte, after)) = special.split_first() else { break };
        write_escape(byte, out);
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    let letter = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.push(b'0' + (byte >> 4));
            return write_digits::<16>((byte & 0xF).into(), out);
        }
    };
    out.extend_from_slice(&[b'\\', letter]);
}

fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, b'=');
    if let Some(space) = out.get_mut(start..) {
        let written = BASE64_STANDARD.encode_slice(bytes, space);
        debug_assert_eq!(written.ok(), Some(out.len() - start));
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_reads_back() {
        let text: String = ('\0'..='\u{2FF}').chain(['\u{2028}', '\u{FFFD}', '🌊']).collect();
        let mut out = Vec::new();
        write_string(&text, &mut out);
        assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        assert!(out.iter().all(|&byte| byte >= 0x20));
    }

    #[test]
    fn specials_are_escaped_and_nothing_else() {
        let mut out = Vec::new();
        write_string("a\"b\\c\nd\re\tf\0g\u{1f}h/é", &mut out);
        let wire = r#""a\"b\\c\nd\re\tf\u0000g\u001fh/é""#;
        assert_eq!(String::from_utf8(out).unwrap(), wire);
    }

    #[test]
    fn base64_is_padded() {
        for (bytes, wire) in
            [(&b""[..], r#""""#), (b"f", r#""Zg==""#), (b"fo", r#""Zm8=""#), (b"foo", r#""Zm9v""#)]
        {
            let mut out = Vec::new();
            write_base64(bytes, &mut out);
            assert_eq!(out, wire.as_bytes());
        }
    }
}
