//! Faults to plant in the JavaScript client, to see that worlds find them.

/// Another text in one file of `web/client/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mutation {
    /// What is wrong then.
    pub name: &'static str,
    /// The file below `web/client/`.
    pub file: &'static str,
    /// What stands there once.
    pub text: &'static str,
    /// What stands there instead.
    pub instead: &'static str,
    /// Parts of what the judges say of it; one of them has to be in a failure.
    pub says: &'static [&'static str],
}

impl Mutation {
    /// All that `cargo xtask clients --planted` tries.
    pub const ALL: [Self; 9] = [
        Self {
            name: "a position moves before its messages have come",
            file: "link.js",
            text: "if (one.isLive) one.advance(place);",
            instead: "one.advance(place);",
            says: &["its position was", LOST, NOT_GIVEN],
        },
        Self {
            name: "gap notices are dropped",
            file: "subscription.js",
            text: "if (ongap) call(ongap, gap);",
            instead: "if (ongap);",
            says: &[LOST, "nobody said so"],
        },
        Self {
            name: "what comes again is given again",
            file: "subscription.js",
            text: "if (reaches(self.floor, frame.position)) return;",
            instead: "",
            says: &["came twice", "came after"],
        },
        Self {
            name: "a dead connection counts as alive",
            file: "link.js",
            text: "watch(HEARTBEATS_MAX * ms)",
            instead: "watch(100 * HEARTBEATS_MAX * ms)",
            says: &["though its link was dead", "is not live", NOT_GIVEN],
        },
        Self {
            name: "another connection begins at the head",
            file: "link.js",
            text: "const present = { server, io, channels, since, who, wire };",
            instead: "const present = { server, io, channels, since: 'now', who, wire }; for (const one of all) one.floor &&= undefined, one.since = 'now';",
            says: &[LOST, "came twice", "nobody said so", "came after"],
        },
        Self {
            name: "what comes while a subscription catches up is lost",
            file: "link.js",
            text: "held.forEach(one.take);",
            instead: "",
            says: &[LOST, NOT_GIVEN, "its position was"],
        },
        Self {
            name: "nothing of before is fetched",
            file: "link.js",
            text: "else catchUp(one);",
            instead: "else join(one);",
            says: &[LOST, NOT_GIVEN, "its position was", "has not begun"],
        },
        Self {
            name: "an expired token is sent again",
            file: "server.js",
            text: "!isLast && (sent = await newerToken(sent))",
            instead: "false",
            says: &["ended: ", "is not live"],
        },
        Self {
            name: "a publish that is sent again has another id",
            file: "outbox.js",
            text: "{ ...entry.options, signal: abort.signal }",
            instead: "{ ...entry.options, id: randomId(), signal: abort.signal }",
            says: &["is in the log twice"],
        },
    ];
}

const LOST: &str = "is lost";
const NOT_GIVEN: &str = "has not been given";
