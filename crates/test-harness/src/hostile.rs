//! Attacks on the real server, and what healthy subscribers notice of them.
//!
//! One row is one attack on a server of its own: [`measure`] watches two hundred subscribers before and during it,
//! then what the server still burns and holds once the attacker is idle.

mod attack;
mod attacker;
mod attacks;
mod cores;
mod healthy;
mod outcome;
mod resume;
mod row;
mod scale;

pub use attack::{Attack, Bounds};
pub use cores::Cores;
pub use outcome::{Clock, Outcome, heading};
pub use resume::{Resume, Resumed};
pub use row::{Plan, measure};
pub use scale::Scale;
