//! Every verb with its form and its meaning: what `help` prints and what "did you mean" searches.

use serde::Serialize;

/// One verb.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Topic {
    pub(crate) verb: &'static str,
    pub(crate) usage: &'static str,
    pub(crate) meaning: &'static str,
}

const fn topic(verb: &'static str, usage: &'static str, meaning: &'static str) -> Topic {
    Topic { verb, usage, meaning }
}

/// Flows that are cut, and opened again.
const CUTS: [Topic; 14] = [
    topic(
        "partition",
        "partition a,b | c,d [rest=connected] | SHAPE  [mode=hold|stall|drop|reset|refuse|syn-drop]",
        "cut all flows between the groups; unnamed nodes are one more group; replaces the last partition",
    ),
    topic("halves", "halves [mode=...]", "partition the first half of the stations from the second"),
    topic(
        "random",
        "random [mode=...]",
        "partition two halves drawn with the seed; partition one and majority draw as well",
    ),
    topic("bridge", "bridge [c] [a,b | d,e] [mode=...]", "partition two halves that both see c"),
    topic(
        "ring-of-majorities",
        "ring-of-majorities [a,b,c,d,e] [mode=...]",
        "partition so that each station sees its neighbours in the ring, a majority, and no two see the same",
    ),
    topic("majorities-ring", "majorities-ring [a,b,c,d,e] [mode=...]", "the same as ring-of-majorities"),
    topic(
        "one-way",
        "one-way a->b [mode=...]",
        "a partition of these flows only; replaces the last partition",
    ),
    topic("isolate", "isolate a[,b] [mode=...]", "cut each of these nodes from every other node, both ways"),
    topic("cut", "cut a->b [mode=...]", "cut these flows; a->b is one way, a<->b both"),
    topic("hold", "hold a->b", "the same as cut a->b mode=hold: keep the frames until heal"),
    topic("refuse", "refuse a->b", "the same as cut a->b mode=refuse: a dial gets connection refused"),
    topic("syn-drop", "syn-drop a->b", "the same as cut a->b mode=syn-drop: a dial gets no answer"),
    topic("heal", "heal [a->b]", "end partitions, isolations and cuts, of all flows or of these"),
    topic("release", "release a->b", "end the cuts of these flows, and set free what they held"),
];

/// Connections that end.
const ENDINGS: [Topic; 5] = [
    topic(
        "reset",
        "reset a->b | reset a->b after=500ms|after=100 [bytes=keep|lose] | reset a->b off",
        "abort the connections now; or each one this long after, or this many frames after, the rule met it",
    ),
    topic(
        "black-hole",
        "black-hole a->b [close=5s] | off",
        "read and throw away everything; close after a while",
    ),
    topic("limit", "limit a->b 1MB | off", "close a connection once this much has passed"),
    topic("slow-close", "slow-close a->b 200ms | off", "pass the end of a connection on this much later"),
    topic("inject", "inject a->b hex=00ff", "send these bytes, once, at the next frame boundary"),
];

/// Frames that are lost, doubled or damaged.
const DAMAGE: [Topic; 5] = [
    topic(
        "drop",
        "drop a->b p=0.3 [corr=0.2] | drop a->b ge=p,r,h,k | drop a->b count=2 | off",
        "lose frames, one by one or in bursts (Gilbert-Elliott: good to bad, back, pass in bad, pass in good)",
    ),
    topic(
        "dup",
        "dup a->b [p=0.1] [copies=1] [gap=0ms] | off",
        "send a frame again, copies times, each gap later",
    ),
    topic(
        "replay",
        "replay a->b back=3 [p=0.1] | off",
        "behind a frame send the one back frames before it again",
    ),
    topic(
        "corrupt",
        "corrupt a->b [bits=1] [at=payload|header|any|8..12] | trunc=3 | rate=0.0001 | off",
        "flip bits, cut bytes off the end, or damage each byte of a raw lane with this probability",
    ),
    topic("noop", "noop a->b | off", "a rule that does nothing"),
];

/// When and how fast frames arrive.
const TIMING: [Topic; 4] = [
    topic(
        "delay",
        "delay a->b 200ms [±50ms] [dist=uniform|normal|pareto|exp|./FILE | wave=sine:10s] [corr=0.2] [order=keep|free] | off",
        "each frame is due this long after it arrived; 0ms or off ends it",
    ),
    topic(
        "reorder",
        "reorder a->b p=0.2 [gap=1] [max=100ms] | off",
        "a chosen frame waits until gap later ones have come, or max has passed",
    ),
    topic(
        "rate",
        "rate a->b 1MB/s [burst=64KB] [scope=conn|link|node|group|all] | off",
        "limit the throughput of each connection, each flow, each sending node, or of all flows together",
    ),
    topic(
        "slice",
        "slice a->b 100B [variation=20B] [pause=1ms] | off",
        "send bytes in pieces with pauses between",
    ),
];

/// The rules as a whole, and the state.
const STATE: [Topic; 17] = [
    topic("clear", "clear [a->b]", "end every fault, of all flows or of these"),
    topic("reset-all", "reset-all", "end every fault and every toxic, and enable every relay"),
    topic("rules", "rules", "the same as show rules"),
    topic("rm", "rm ID [ID ...]", "end these rules"),
    topic("node", "node NAME HOST:PORT", "dial this node there from now on; open connections stay"),
    topic("seed", "seed N", "use this seed for all decisions from now on"),
    topic("show", "show [links|rules|conns|stats|nodes|scenario]", "print the state, all of it or one part"),
    topic(
        "wait",
        "wait held a->b N | wait frames a->b N | wait dropped a->b N | wait idle | wait scenario  [timeout=5s] | wait 500ms",
        "answer once N frames are held, N have been written, a number of show stats is N, none is inside the proxy, the scenario has ended, or later",
    ),
    topic(
        "expect",
        "expect frames a->b > N | expect held a->b == N | expect stats.dropped a->b >= N",
        "answer ok if this is so, and expect-failed if not; < <= == != >= >",
    ),
    topic("mark", "mark TEXT", "write this text into the log"),
    topic("echo", "echo [TEXT]", "answer with this text"),
    topic("explain", "explain a->b#3:1042", "what the rules did to this frame of this connection, and why"),
    topic("ping", "ping", "answer ok"),
    topic("version", "version", "print the version"),
    topic(
        "help",
        "help [VERB]",
        "print this; every fault takes p= after= every= count= for= conns= conn-p= where=",
    ),
    topic("quit", "quit [CODE]", "close every connection and exit with this code"),
    topic("exit", "exit [CODE]", "the same as quit"),
];

/// What happens by itself, and what is kept.
const SCENARIOS: [Topic; 6] = [
    topic("run", "run FILE", "start a scenario, and answer how many steps it has and how long it takes"),
    topic("plan", "plan FILE | plan nemesis ...", "print what it would do, as a scenario without chance"),
    topic(
        "nemesis",
        "nemesis shapes=random,one faults=partition,delay interval=2s..6s hold=1s..4s until=60s [seed=7] [final=heal|clear|keep] | nemesis SHAPE for 800ms",
        "start a random scenario; or partition once, for this long",
    ),
    topic("stop", "stop", "end the scenario, and the rules that it made"),
    topic("save", "save FILE", "write the rules in force and the seed into a file, as a scenario"),
    topic("reload", "reload", "read the topology file again, and take over what has changed"),
];

/// All verbs, in the order of the manual.
pub(crate) fn topics() -> impl Iterator<Item = &'static Topic> {
    [&CUTS[..], &ENDINGS, &DAMAGE, &TIMING, &STATE, &SCENARIOS].into_iter().flatten()
}
