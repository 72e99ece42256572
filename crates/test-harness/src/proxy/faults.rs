//! What can be wrong with a connection.

use super::Intermediary;
use std::time::Duration;

/// How a connection is treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// From client to server.
    pub up: Flow,
    /// From server to client.
    pub down: Flow,
    /// When it breaks by itself.
    pub break_after: Option<Break>,
    /// What stands in the way of requests.
    pub through: Option<Intermediary>,
}

/// How bytes pass in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// As they come.
    #[default]
    Free,
    /// Each piece that much later, one piece at a time.
    Delayed(Duration),
    /// In pieces of limited size, with a pause after each: a slow reader, or tiny writes.
    Trickling {
        /// At least 1.
        bytes_max: usize,
        /// After each piece.
        pause: Duration,
    },
    /// Not at all; the kernel's buffers fill, and what is in them passes later.
    Stalled,
    /// Read and thrown away, the end included, however it shows: a half-open connection.
    Swallowed,
}

/// A connection's own end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Break {
    /// After exactly this number of bytes from server to client.
    pub down_bytes: u64,
    /// How.
    pub ending: Ending,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With a FIN to both sides.
    End,
    /// With an RST to both sides.
    Reset,
    /// With nothing: both sides believe that it is there.
    Silence,
}

impl Faults {
    /// The faults of one connection, the same for the same numbers.
    pub fn by_seed(seed: u64, connection: u64) -> Self {
        let mut random =
            fastrand::Rng::with_seed(seed.wrapping_mul(CONNECTIONS_APART).wrapping_add(connection));
        let ending = [Ending::End, Ending::Reset, Ending::Silence].get(random.usize(..3)).copied();
        Self {
            up: Flow::random(&mut random),
            down: Flow::random(&mut random),
            break_after: ending
                .map(|ending| Break { down_bytes: random.u64(1_000..300_000), ending }),
            through: None,
        }
    }
}

impl Flow {
    fn random(random: &mut fastrand::Rng) -> Self {
        let mut upto = |max: u64| Duration::from_micros(random.u64(..max));
        let (short, long) = (upto(3_000), upto(300_000));
        match random.u8(..5) {
            0 => Self::Free,
            1 => Self::Delayed(short),
            // Tiny writes.
            2 => Self::Trickling { bytes_max: random.usize(1..100), pause: Duration::ZERO },
            // A slow reader.
            3 => Self::Trickling { bytes_max: random.usize(4_000..40_000), pause: short },
            // Stalls, again and again.
            _ => Self::Trickling { bytes_max: random.usize(40_000..100_000), pause: long },
        }
    }
}

/// Odd and large, so that neighbouring seeds share no connection's faults.
const CONNECTIONS_APART: u64 = 0x9E37_79B9_7F4A_7C15;
