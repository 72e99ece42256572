//! What happened in a world, line by line; written only when somebody will read it.

/// The notes of one world.
#[derive(Debug)]
pub(crate) struct Trace {
    is_kept: bool,
    lines: Vec<String>,
}

impl Trace {
    pub(crate) fn new(is_kept: bool) -> Self {
        Self { is_kept, lines: Vec::new() }
    }

    pub(crate) fn note(&mut self, now_ms: u64, line: impl FnOnce() -> String) {
        if self.is_kept {
            self.lines.push(format!("{now_ms:>7} ms  {}", line()));
        }
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines
    }
}
