//! The trace that a publish belongs to, as the header `traceparent` names it.
//!
//! `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`: a version, the trace, the span in it that asks, and flags.
//! [W3C Trace Context §3.2] has the rules. What breaks one of them is to be ignored, so there is no error.
//!
//! [W3C Trace Context §3.2]: https://www.w3.org/TR/trace-context/#traceparent-header

/// A span of a trace that is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace; never zero.
    pub trace_id: [u8; 16],
    /// The span in it; never zero.
    pub span_id: [u8; 8],
}

impl TraceParent {
    /// The span that `text` names, if it is valid and its trace is recorded (sampled).
    pub fn sampled(text: &str) -> Option<Self> {
        let (version, rest) = part::<1>(text)?;
        let (trace_id, rest) = part(rest.strip_prefix('-')?)?;
        let (span_id, rest) = part(rest.strip_prefix('-')?)?;
        let ([flags], rest) = part(rest.strip_prefix('-')?)?;
        // Later versions may append parts; the first one has none.
        let is_whole = match version {
            [0] => rest.is_empty(),
            [0xFF] => false,
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        let is_valid = is_whole && trace_id != [0; 16] && span_id != [0; 8];
        (is_valid && flags & SAMPLED != 0).then_some(Self { trace_id, span_id })
    }
}

/// The bytes that the first digits of a text spell, and what follows them.
fn part<const N: usize>(text: &str) -> Option<([u8; N], &str)> {
    let (digits, rest) = text.split_at_checked(2 * N)?;
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = pair.iter().try_fold(0, |byte, digit| Some(byte << 4 | value(*digit)?))?;
    }
    Some((bytes, rest))
}

/// Only lower case is allowed.
fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

const SAMPLED: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn a_sampled_span_is_read_with_its_trace() {
        let found = TraceParent::sampled(&format!("00-{TRACE}-{SPAN}-01")).unwrap();
        assert_eq!(found.trace_id, 0x4bf92f3577b34da6a3ce929d0e0e4736_u128.to_be_bytes());
        assert_eq!(found.span_id, 0x00f067aa0ba902b7_u64.to_be_bytes());
        for later in ["03", "01-more", "ff-"] {
            let text = format!("cc-{TRACE}-{SPAN}-{later}");
            assert_eq!(TraceParent::sampled(&text), Some(found), "{text}");
        }
    }

    #[test]
    fn what_breaks_a_rule_or_is_not_sampled_is_ignored() {
        let [zeros, ones] = ["0", "F"].map(|digit| digit.repeat(32));
        for text in [
            "",
            "00",
            "é",
            &format!("00-{TRACE}-{SPAN}-00"),
            &format!("00-{TRACE}-{SPAN}-02"),
            &format!("00-{TRACE}-{SPAN}"),
            &format!("00-{TRACE}-{SPAN}-1"),
            &format!("00-{TRACE}-{SPAN}-01-"),
            &format!("00-{TRACE}-{SPAN}-01x"),
            &format!("cc-{TRACE}-{SPAN}-01x"),
            &format!("ff-{TRACE}-{SPAN}-01"),
            &format!("00-{zeros}-{SPAN}-01"),
            &format!("00-{ones}-{SPAN}-01"),
            &format!("00-{TRACE}-0000000000000000-01"),
            &format!("00-{TRACE}-{SPAN}-0g"),
            &format!("00-{TRACE}_{SPAN}-01"),
            &format!(" 00-{TRACE}-{SPAN}-01"),
        ] {
            assert_eq!(TraceParent::sampled(text), None, "{text}");
        }
    }
}
