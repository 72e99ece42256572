//! The codecs' hot paths, one case a run, for `cargo xtask instructions` to count.
//!
//! Without an argument it lists the cases and how many messages each handles; with the name of one
//! it runs that. Everything before [`only_this_is_counted`] is not counted.

mod events;
mod websocket;

use std::hint::black_box;

/// One thing to count.
struct Case {
    name: &'static str,
    /// What the count is divided by: enough that what happens once does not show.
    messages: usize,
    /// Makes the input; what it returns handles all of it and says how many messages that were.
    prepare: fn(messages: usize) -> Run,
}

type Run = Box<dyn FnMut() -> usize>;

fn main() {
    let mut cases = websocket::CASES.iter().chain(&events::CASES);
    match std::env::args().nth(1) {
        None => cases.for_each(|case| println!("{},{}", case.name, case.messages)),
        Some(name) => {
            let case = cases.find(|case| case.name == name).expect("the name of a case");
            let mut run = (case.prepare)(case.messages);
            assert_eq!(only_this_is_counted(&mut *run), case.messages, "{name}");
        }
    }
}

/// Where counting begins and ends; its name is looked for in the binary.
#[inline(never)]
fn only_this_is_counted(run: &mut dyn FnMut() -> usize) -> usize {
    let handled = run();
    // Something is left to do here, so that the call cannot become a jump.
    black_box(handled)
}

/// JSON-like ASCII of this many bytes, without a line end.
fn text(bytes: usize) -> String {
    r#"{"role":"assistant","text":"and so on"} "#.chars().cycle().take(bytes).collect()
}

/// What one packet of an ordinary network carries.
const PACKET_BYTES: usize = 1_400;
