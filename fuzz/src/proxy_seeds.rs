//! Seeds of what the fault proxy reads.

use crate::seeds::texts;

type Inputs = Vec<(&'static str, Vec<u8>)>;

/// All of them, by decoder.
pub(crate) fn all() -> [(&'static str, Inputs); 4] {
    [
        ("proxy_line", texts(LINES)),
        ("proxy_scenario", texts(STORIES)),
        ("proxy_framing", texts(FRAMINGS)),
        ("proxy_scan", streams()),
    ]
}

/// Commands of every verb, with the common parameters.
const LINES: &[(&str, &str)] = &[
    ("partition", "@1 partition a,b | c rest=connected mode=stall; heal"),
    ("shape", "partition bridge b mode=drop; isolate a; cut {a,b}<->* mode=syn-drop for=500ms"),
    ("drop", "drop a->b#3 p=0.3 corr=0.2 after=2 count=5 every=3 where=len>512,byte[4]==2,match=c0ffee"),
    ("burst", "drop a->b ge=0.01,0.3,0.5,1 conns=new; dup a->b p=0.1 copies=2 gap=5ms; replay a->b back=3"),
    ("damage", "corrupt a->b bits=3 at=4..9; corrupt b->a trunc=2 p=0.5 # bytes"),
    (
        "delay",
        "delay * 5ms ±2ms dist=pareto corr=0.5 order=free; delay a->b 1s ±9ms wave=sine:10s; reorder a->b p=1",
    ),
    (
        "rate",
        "rate a<->b 1MB/s burst=64KiB scope=node; slice a->b 100B variation=20B pause=1ms; limit a->b 1MB",
    ),
    (
        "ends",
        "slow-close a->b 200ms; black-hole a->b close=5s; reset a->b after=100; reset a<->b; inject a->b hex=00ff",
    ),
    (
        "asking",
        "show rules; wait held a->b 3 timeout=1s; expect stats.dropped * >= 3; explain a->b#0:7; rm 3",
    ),
];

/// Scenarios with every kind of step.
const STORIES: &[(&str, &str)] = &[
    ("timed", "seed 42\nat 0s delay * 5ms ±1ms\nat 2s partition a | b,c mode=stall\nat 5s heal; ping\n"),
    ("frame", "# comment\non frame a->b 1000 reset a<->b\nat 1s expect frames a->b > 5; quit\n"),
    (
        "every",
        "every 3s ±1s until 30s cut a->b for=800ms\nevery 1s until 3s nemesis random-halves for 300ms\n",
    ),
];

const FRAMINGS: &[(&str, &str)] =
    &[("stations", "u32be"), ("all", "u16le+offset=4+header=2+inclusive"), ("raw", "raw")];

/// Streams of three frames, each framing told by its first bytes.
fn streams() -> Inputs {
    let stream = |flags: u8, offset: u8, extra: u8, frame: &[u8]| {
        [&[flags, offset, extra, 1, 0][..], &frame.repeat(3)].concat()
    };
    vec![
        ("u32be", stream(2, 0, 0, b"\0\0\0\x05hello")),
        ("u16le_inclusive", stream(1 | 4 | 8, 1, 2, b"!\x0a\0..hello")),
        ("u8", stream(0, 0, 0, b"\x01x")),
    ]
}
