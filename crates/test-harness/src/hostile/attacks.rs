//! What attackers do, by what it is that they overdo.

pub(super) mod credentials;
pub(super) mod handshakes;
pub(super) mod pipelines;
pub(super) mod publishers;
pub(super) mod readers;
pub(super) mod requests;
pub(super) mod resumes;
pub(super) mod streams;
pub(super) mod unfinished;
