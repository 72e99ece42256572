//! Whole numbers as text, with one spelling each, appended without an allocation.

/// Appends `value` in the given radix, at most 36, without leading zeros.
pub fn write_digits<const RADIX: u64>(mut value: u64, out: &mut Vec<u8>) {
    let start = out.len();
    loop {
        let [digit, ..] = (value % RADIX).to_le_bytes();
        out.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
        value /= RADIX;
        if value == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

/// Reads what [`write_digits`] writes, and no other spelling: the standard library's parser would
/// also take a plus sign, leading zeros and uppercase.
pub(crate) fn read_digits(text: &str, radix: u32) -> Option<u64> {
    let leading_zero = text.len() > 1 && text.starts_with('0');
    let ours = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z'));
    if leading_zero || !ours {
        return None;
    }
    u64::from_str_radix(text, radix).ok()
}
