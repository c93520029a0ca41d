//! Every verb with its form and its meaning: what `help` prints and what "did you mean" searches.

use serde::Serialize;

/// One verb.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Topic {
    pub(crate) verb: &'static str,
    pub(crate) usage: &'static str,
    pub(crate) meaning: &'static str,
}

const TOPICS: [Topic; 16] = [
    Topic {
        verb: "partition",
        usage: "partition a,b | c,d [rest=connected] [mode=hold|stall|drop]",
        meaning: "cut all flows between the groups; unnamed nodes are one more group; replaces the last partition",
    },
    Topic {
        verb: "isolate",
        usage: "isolate a[,b] [mode=hold|stall|drop]",
        meaning: "cut each of these nodes from every other node, both ways",
    },
    Topic {
        verb: "cut",
        usage: "cut a->b [mode=hold|stall|drop]",
        meaning: "cut these flows; a->b is one way, a<->b both",
    },
    Topic {
        verb: "heal",
        usage: "heal [a->b]",
        meaning: "end partitions, isolations and cuts, of all flows or of these",
    },
    Topic {
        verb: "delay",
        usage: "delay a->b 200ms [±50ms] | delay a->b off",
        meaning: "each frame is due this long after it arrived; the order is kept; 0ms or off ends it",
    },
    Topic {
        verb: "reorder",
        usage: "reorder a->b p=0.2 [gap=3] [max=100ms] | reorder a->b off",
        meaning: "a chosen frame waits until gap later ones have come, or max has passed",
    },
    Topic { verb: "clear", usage: "clear [a->b]", meaning: "end every fault, of all flows or of these" },
    Topic {
        verb: "node",
        usage: "node NAME HOST:PORT",
        meaning: "dial this node there from now on; open connections stay",
    },
    Topic { verb: "seed", usage: "seed N", meaning: "use this seed for all decisions from now on" },
    Topic {
        verb: "show",
        usage: "show [links|rules|conns|stats|nodes]",
        meaning: "print the state, all of it or one part",
    },
    Topic {
        verb: "wait",
        usage: "wait held a->b N | wait frames a->b N | wait idle  [timeout=5s]",
        meaning: "answer once N frames are held, N have been written, or none is inside the proxy",
    },
    Topic { verb: "ping", usage: "ping", meaning: "answer ok" },
    Topic { verb: "version", usage: "version", meaning: "print the version" },
    Topic { verb: "help", usage: "help [VERB]", meaning: "print this" },
    Topic { verb: "quit", usage: "quit [CODE]", meaning: "close every connection and exit with this code" },
    Topic { verb: "exit", usage: "exit [CODE]", meaning: "the same as quit" },
];

/// All verbs, in the order of the manual.
pub(crate) fn topics() -> &'static [Topic] {
    &TOPICS
}
