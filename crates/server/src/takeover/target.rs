//! Escapes, in the target of each request, the characters that clients send raw and actix refuses.
//!
//! `curl 'http://…/events?channel=logs.>'` sends the `>` as it is, and actix answers that with a bare
//! 400. It cannot be helped behind its parser, so the bytes are followed on their way there: only
//! far enough to know where a target is, and nothing else is ever touched.
//!
//! ```text
//!            space            line end          empty line
//!  Method ─────────▶ Target ───────────▶ Fields ───────────▶ Behind
//!    ▲                                                          │ other bytes than
//!    └──────────────────────────────────────────────────────────┤ the request's body
//!          the request's body, of known length, has passed      └────────────────────▶ Lost
//! ```

/// Where in the requests of a connection the bytes are that come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Targets {
    /// In a request's method, or before it.
    Method,
    /// In the rest of its first line.
    Target,
    /// In the lines after it; `is_empty` as long as the line may be the empty one.
    Fields { is_empty: bool },
    /// After the head: how many bytes have passed, and how many are the body once that is known.
    Behind { passed: u64, body: Option<u64> },
    /// In the body of a request whose end only actix knows, or where requests follow each other
    /// without waiting for answers. What comes next is passed on as it is.
    Lost,
}

impl Targets {
    /// Before the first request.
    pub(super) const START: Self = Self::Method;

    /// Takes word that the request whose head has passed is served, and has a body of `bytes`.
    pub(super) fn serve(&mut self, bytes: u64) {
        if let Self::Behind { body: body @ None, .. } = self {
            *body = Some(bytes);
        }
    }

    /// Whether the next bytes have to go through [`escape`](Self::escape), or else [`pass`](Self::pass).
    pub(super) fn is_in_head(&mut self) -> bool {
        if let Self::Behind { passed, body: Some(body) } = *self {
            *self = match passed {
                _ if passed == body => Self::Method,
                _ if passed < body => return false,
                _ => Self::Lost,
            };
        }
        !matches!(self, Self::Behind { .. } | Self::Lost)
    }

    /// Counts bytes that are passed on as they are.
    pub(super) fn pass(&mut self, bytes: usize) {
        if let Self::Behind { passed, .. } = self {
            *passed = passed.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        }
    }

    /// Gives `input` to `output` piece by piece, at most [`GROWTH`] times as long.
    pub(super) fn escape(&mut self, input: &[u8], mut output: impl FnMut(&[u8])) {
        for byte in input {
            match *self {
                Self::Target => match byte {
                    b'>' => output(b"%3E"),
                    b'<' => output(b"%3C"),
                    b'"' => output(b"%22"),
                    b'`' => output(b"%60"),
                    other => output(&[*other]),
                },
                _ => output(&[*byte]),
            }
            *self = self.after(*byte);
        }
    }

    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Method, b' ') => Self::Target,
            (Self::Target, b'\n') => Self::Fields { is_empty: true },
            (Self::Fields { is_empty: true }, b'\n') => Self::Behind { passed: 0, body: None },
            (Self::Fields { .. }, b'\n') => Self::Fields { is_empty: true },
            (Self::Fields { is_empty: true }, b'\r') => self,
            (Self::Fields { .. }, _) => Self::Fields { is_empty: false },
            (Self::Behind { passed, body }, _) => {
                Self::Behind { passed: passed.saturating_add(1), body }
            }
            (other, _) => other,
        }
    }
}

/// How much longer an escaped byte is.
pub(super) const GROWTH: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &[u8] =
        b"\r\nGET /a.>?b=<\"`> HTTP/1.1\r\nHost: >\r\nX: \r\r\nY: \"\r\n\r\nbody > ` \" <\r\n\r\n";
    const ESCAPED: &[u8] =
        b"\r\nGET /a.%3E?b=%3C%22%60%3E HTTP/1.1\r\nHost: >\r\nX: \r\r\nY: \"\r\n\r\nbody > ` \" <\r\n\r\n";

    fn escaped(targets: &mut Targets, input: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        match targets.is_in_head() {
            true => targets.escape(input, |piece| output.extend_from_slice(piece)),
            false => {
                targets.pass(input.len());
                output.extend_from_slice(input);
            }
        }
        output
    }

    #[test]
    fn a_target_is_escaped_and_no_byte_after_its_line_is_touched() {
        let mut targets = Targets::START;
        assert_eq!(escaped(&mut targets, RAW), ESCAPED);
    }

    #[test]
    fn every_cut_of_a_request_is_the_same_request() {
        for end in 0..=RAW.len() {
            let mut targets = Targets::START;
            let (first, second) = RAW.split_at(end);
            let all = [escaped(&mut targets, first), escaped(&mut targets, second)].concat();
            assert_eq!(all, ESCAPED, "cut at {end}");
        }
        let mut targets = Targets::START;
        let bytes: Vec<u8> = RAW.iter().flat_map(|byte| escaped(&mut targets, &[*byte])).collect();
        assert_eq!(bytes, ESCAPED);
    }

    #[test]
    fn the_next_request_is_escaped_once_the_body_has_passed() {
        let mut targets = Targets::START;
        escaped(&mut targets, b"POST /a HTTP/1.1\r\n\r\nbo>");
        targets.serve(5);
        assert_eq!(escaped(&mut targets, b"d>"), b"d>");
        assert_eq!(escaped(&mut targets, b"GET /> HTTP/1.1\n\n"), b"GET /%3E HTTP/1.1\n\n");
        targets.serve(0);
        assert_eq!(escaped(&mut targets, b"GET />"), b"GET /%3E");
    }

    #[test]
    fn what_is_not_certainly_a_target_is_left_alone() {
        // A body whose length is not known, and a request that did not wait for the answer.
        let mut chunked = Targets::START;
        escaped(&mut chunked, b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_eq!(
            escaped(&mut chunked, b"1\r\n>\r\n0\r\n\r\nGET /> "),
            b"1\r\n>\r\n0\r\n\r\nGET /> "
        );
        let mut hasty = Targets::START;
        escaped(&mut hasty, b"GET /a HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\r\n\r\n");
        hasty.serve(0);
        hasty.serve(9);
        assert_eq!(escaped(&mut hasty, b"GET /> "), b"GET /> ");
        assert_eq!(hasty, Targets::Lost);
    }
}
