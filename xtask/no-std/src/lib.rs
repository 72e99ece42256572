//! Both codecs in a program that has no std: what `cargo xtask no-std` builds.
//!
//! A program has one panic handler and one allocator, and std brings its own. These two are ours,
//! so a codec that let std in would not compile here, on any host: `panic_impl` would be there twice.

#![no_std]

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;
use core::ptr;
use sse_codec::{Block, Parser};
use ws_frame::{Decoder, Limits, Role};

/// Calls into both codecs, that neither is left out as unused.
pub fn feed(bytes: &mut [u8]) -> bool {
    let spoke = Parser::new().parse(&mut &*bytes).is_ok_and(|item| item.is_some());
    let framed = Decoder::new(Role::Client).decode(&mut { bytes }, &Limits::default());
    let mut output = bytes::BytesMut::new();
    let wrote = Block::new().data("x").encode(&mut output).is_ok();
    spoke || wrote || framed.is_ok_and(|event| event.is_some())
}

#[panic_handler]
fn stop(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// Has nothing to give: what is built here is never run.
struct Nothing;

// SAFETY: null is how an allocator says no, and what was never given is never taken back.
unsafe impl GlobalAlloc for Nothing {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: Nothing = Nothing;
