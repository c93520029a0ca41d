//! A lane without sockets: what goes in, what comes out, when it reads.

use super::*;
use crate::fault::tests::{course, rule};
use crate::rule::{Delay, Fault, Guard, Policy, Rule};

struct Bench {
    lane: Lane,
    policy: Policy,
    is_connected: bool,
    now: Instant,
    desyncs: Vec<u64>,
}

fn bench(framing: Framing, hold_bytes: usize) -> Bench {
    let settings =
        Settings { frame_bytes_max: 1000, frame_timeout: None, hold_bytes, conns_max: 1, threads: None };
    let name = Arc::new(LaneName::new("a->b", "a->b", 0));
    let identity = Identity { name, course: course(), record: None };
    let lane = Lane::new(identity, framing, settings, Arc::new(FlowMeter::default()));
    let (policy, now) = (Policy::default(), Instant::now());
    Bench { lane, policy, is_connected: true, now, desyncs: Vec::new() }
}

impl Bench {
    /// Puts these rules in force, instead of those before.
    fn rules(&mut self, rules: Vec<Arc<Rule>>) {
        self.policy = Policy { epoch: self.policy.epoch + 1, rules, ..Policy::default() };
        let terms = Terms { seed: 1, policy: &self.policy, is_connected: self.is_connected };
        self.lane.adopt(terms, self.now);
    }

    fn fault(&mut self, fault: Fault) {
        self.rules(vec![rule(1, fault, Guard::default())]);
    }

    fn cut(&mut self, mode: CutMode) {
        self.fault(Fault::Cut(mode));
    }

    fn heal(&mut self) {
        self.rules(Vec::new());
    }

    fn terms(&self) -> Terms<'_> {
        Terms { seed: 1, policy: &self.policy, is_connected: self.is_connected }
    }

    /// Feeds what the lane is willing to read, and returns how much that was.
    fn feed(&mut self, mut bytes: &[u8]) -> usize {
        let all = bytes.len();
        loop {
            let count = self.lane.appetite().min(bytes.len());
            if count == 0 {
                return all - bytes.len();
            }
            let room = self.lane.read_buffer(count);
            let count = room.len();
            room.copy_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
            let terms = Terms { seed: 1, policy: &self.policy, is_connected: self.is_connected };
            self.desyncs
                .extend(self.lane.handle_read(count, self.now, terms).map(|desync| desync.claimed.unwrap()));
        }
    }

    fn finish(&mut self) {
        let terms = Terms { seed: 1, policy: &self.policy, is_connected: self.is_connected };
        self.lane.handle_read(0, self.now, terms);
    }

    /// Writes all that may be written, a few bytes at a time.
    fn drain(&mut self) -> Vec<u8> {
        let mut written = Vec::new();
        loop {
            let terms = Terms { seed: 1, policy: &self.policy, is_connected: self.is_connected };
            while self.lane.advance(|| self.now, terms) {}
            if !self.lane.wants_write(terms) {
                return written;
            }
            let mut slices = [IoSlice::new(&[]); WRITE_SLICES_MAX];
            let front = match self.lane.run() {
                [] if self.lane.write_slices(&mut slices) > 0 => &*slices[0],
                run => run,
            };
            let count = front.len().min(7);
            assert!(count > 0);
            written.extend_from_slice(&front[..count]);
            self.lane.handle_written(count);
        }
    }

    fn expire(&mut self) -> Option<Desync> {
        let terms = Terms { seed: 1, policy: &self.policy, is_connected: self.is_connected };
        self.lane.expire_partial(|| self.now, terms)
    }

    fn queued(&mut self) -> (u64, u64) {
        self.lane.publish();
        let meter = self.lane.gauge.meter();
        (meter.queued_frames.value(), meter.queued_bytes.value())
    }
}

fn frame(payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(payload);
    bytes
}

/// Disproved by a lane that takes the frames it remembers for frames that wait, and so stops reading for good.
#[test]
fn remembered_frames_take_no_room_from_those_to_come() {
    let mut bench = bench(Framing::U32BE, 8 << 20);
    bench.fault(Fault::Replay { back: 1000 });
    let frame = [&1000_u32.to_be_bytes()[..], &[7; 1000]].concat();
    for _ in 0..600 {
        assert_eq!(bench.feed(&frame), frame.len());
        bench.drain();
    }
}

/// Disproved by a read of which every byte is an event, and which is larger than what the journal may be given at once.
#[test]
fn a_lane_that_damages_every_byte_reads_little_at_a_time() {
    let mut bench = bench(Framing::Raw, 8 << 20);
    bench.fault(Fault::Corrupt(crate::rule::Corrupt::PerByte { probability: 1.0 }));
    assert_eq!(bench.lane.appetite(), READ_BYTES_MIN);
    bench.fault(Fault::Corrupt(crate::rule::Corrupt::PerByte { probability: 0.001 }));
    assert_eq!(bench.lane.appetite(), BLOCK_BYTES);
}

#[test]
fn frames_pass_whole_wherever_the_stream_is_split() {
    let all = [frame(b"one"), frame(b""), frame(&[7; 90])].concat();
    for cut in 0..=all.len() {
        let mut bench = bench(Framing::U32BE, 1 << 20);
        bench.feed(&all[..cut]);
        let early = bench.drain();
        assert!([0, 7, 11, all.len()].contains(&early.len()), "a part of a frame went out: {}", early.len());
        bench.feed(&all[cut..]);
        assert_eq!([early, bench.drain()].concat(), all);
        assert_eq!(bench.lane.gauge.meter().frames.value(), 3);
        assert_eq!(bench.queued(), (0, 0));
    }
}

#[test]
fn a_full_lane_stops_reading_and_loses_nothing() {
    let mut bench = bench(Framing::U32BE, 20_000);
    bench.cut(CutMode::Hold);
    let all = frame(&[5; 96]).repeat(1000);
    let taken = bench.feed(&all);
    assert!(taken > 5_000 && taken < 24_200, "took {taken} of 100000 bytes with a bound of 20000");
    assert!(bench.drain().is_empty());
    bench.heal();
    let mut out = bench.drain();
    let mut fed = taken;
    while fed < all.len() {
        fed += bench.feed(&all[fed..]);
        out.extend(bench.drain());
    }
    assert_eq!(out, all);
}

#[test]
fn a_stalled_lane_reads_nothing() {
    let mut bench = bench(Framing::U32BE, 2000);
    bench.cut(CutMode::Stall);
    assert_eq!(bench.feed(&frame(b"x")), 0);
}

#[test]
fn a_cut_stops_even_the_rest_of_a_frame() {
    let mut bench = bench(Framing::U32BE, 2000);
    bench.feed(&frame(&[1; 20]));
    bench.lane.handle_written(5);
    bench.cut(CutMode::Hold);
    assert!(bench.drain().is_empty());
    bench.heal();
    assert_eq!(bench.drain(), frame(&[1; 20])[5..]);
}

#[test]
fn drop_discards_whole_frames_only_and_never_before_the_connection_exists() {
    let mut bench = bench(Framing::U32BE, 2000);
    bench.cut(CutMode::Drop);
    bench.is_connected = false;
    bench.feed(&frame(b"hello"));
    bench.is_connected = true;
    bench.feed(&frame(b"lost"));
    let half = frame(b"whole");
    bench.feed(&half[..6]);
    bench.heal();
    assert_eq!(bench.feed(&half[6..]), 0, "what was held goes first");
    assert_eq!(bench.drain(), frame(b"hello"));
    bench.feed(&half[6..]);
    assert_eq!(bench.drain(), frame(b"whole"));
    assert_eq!(bench.lane.gauge.meter().dropped.value(), 1);
}

#[test]
fn an_impossible_length_makes_the_lane_raw_and_every_byte_still_passes() {
    let mut bench = bench(Framing::U32BE, 2000);
    let all = [frame(b"good"), b"GET / HTTP/1.1\r\n".to_vec()].concat();
    for byte in &all {
        bench.feed(std::slice::from_ref(byte));
    }
    assert_eq!(bench.drain(), all);
    assert_eq!(bench.desyncs, [u64::from(u32::from_be_bytes(*b"GET "))]);
}

#[test]
fn the_end_waits_behind_held_frames_and_half_a_frame_is_forwarded() {
    let mut bench = bench(Framing::U32BE, 2000);
    bench.cut(CutMode::Hold);
    let all = [frame(b"one"), b"\0\0\0\x09half".to_vec()].concat();
    bench.feed(&all);
    bench.finish();
    assert_eq!(bench.lane.due_end(bench.terms()), None);
    bench.heal();
    assert_eq!(bench.drain(), all);
    assert_eq!(bench.lane.due_end(bench.terms()), Some(End::Fin));
    bench.lane.on_fin_sent();
    assert!(bench.lane.is_finished());
}

#[test]
fn an_end_is_an_abort_once_writing_to_its_source_has_failed() {
    let mut bench = bench(Framing::U32BE, 2000);
    bench.lane.on_source_failed(bench.now);
    bench.finish();
    bench.drain();
    assert_eq!(bench.lane.due_end(bench.terms()), Some(End::Reset));
}

#[test]
fn an_abort_after_a_passed_fin_is_passed_on_too() {
    let mut bench = bench(Framing::U32BE, 2000);
    bench.finish();
    bench.drain();
    bench.lane.on_fin_sent();
    bench.lane.on_source_failed(bench.now);
    bench.drain();
    assert_eq!(bench.lane.due_end(bench.terms()), Some(End::Reset));
}

#[test]
fn a_dead_sink_discards_and_still_notices_the_end() {
    let mut bench = bench(Framing::U32BE, 2000);
    bench.feed(&frame(b"x"));
    bench.lane.on_sink_dead();
    assert_eq!(bench.queued(), (0, 0));
    assert_eq!(bench.feed(&frame(&[1; 900]).repeat(9)), 904 * 9);
    assert_eq!(bench.queued(), (0, 0));
    bench.finish();
    assert!(bench.lane.is_finished());
}

#[test]
fn raw_bytes_are_held_and_delayed_as_they_come() {
    let mut bench = bench(Framing::Raw, 2000);
    let delay = Delay::of(Duration::from_millis(20), Duration::ZERO);
    bench.fault(Fault::Delay(delay.clone()));
    bench.feed(b"x");
    assert!(bench.drain().is_empty());
    assert_eq!(bench.lane.next_deadline(), Some(bench.now + delay.base));
    bench.now += delay.base;
    assert_eq!(bench.drain(), b"x");
    assert_eq!(bench.lane.gauge.meter().delayed.value(), 1);
}

/// Disproved by more in memory than the bound, one frame and its copies.
#[test]
fn copies_are_bounded_like_everything_else_and_none_is_lost() {
    let mut bench = bench(Framing::U32BE, 20_000);
    let dup = crate::rule::Duplicate { copies: 9, gap: Duration::ZERO };
    let delay = Delay::of(Duration::from_secs(1), Duration::ZERO);
    let every = Guard::default;
    bench.rules(vec![rule(1, Fault::Duplicate(dup), every()), rule(2, Fault::Delay(delay), every())]);
    let all = frame(&[5; 6]).repeat(400);
    let mut fed = bench.feed(&all);
    assert!(bench.lane.schedule.cost() < 20_000 + 10 * 202, "{}", bench.lane.schedule.cost());
    let mut out = Vec::new();
    while out.len() < all.len() * 10 {
        bench.now += Duration::from_secs(1);
        out.extend(bench.drain());
        bench.lane.decider.scribe.take();
        fed += bench.feed(&all[fed..]);
    }
    assert_eq!((out.len(), fed), (all.len() * 10, all.len()));
}

#[test]
fn a_lane_whose_events_are_not_taken_stops_reading() {
    let mut bench = bench(Framing::U32BE, 1 << 20);
    bench.fault(Fault::Drop(crate::rule::Loss::Independent { correlation: 0.0 }));
    let all = frame(b"lost").repeat(3000);
    let fed = bench.feed(&all);
    assert_eq!((bench.lane.appetite(), bench.lane.gauge.meter().dropped.value()), (0, 1024));
    bench.finish();
    while bench.lane.decider.scribe.is_full() {
        bench.lane.decider.scribe.take();
        bench.drain();
    }
    assert_eq!(bench.lane.gauge.meter().dropped.value(), u64::try_from(fed / 8).unwrap());
    assert_eq!(bench.lane.due_end(bench.terms()), Some(End::Fin), "the end waits behind the frames");
}

#[test]
fn a_rate_that_ends_sets_free_at_once_what_it_held_back() {
    let mut bench = bench(Framing::U32BE, 1 << 20);
    let rate = crate::rule::Rate { bytes_per_second: 100, burst: 10, scope: Default::default() };
    bench.fault(Fault::Rate(rate));
    let all = frame(&[1; 60]);
    bench.feed(&all);
    let early = bench.drain();
    assert_eq!((early.len(), bench.lane.next_deadline()), (10, Some(bench.now + Duration::from_millis(10))));
    bench.heal();
    assert_eq!([early, bench.drain()].concat(), all);
}

/// Disproved by a lane that waits for the rest for ever, by one that gives up on frames that keep coming in halves,
/// and by one that gives up early.
#[test]
fn half_a_frame_makes_its_lane_raw_when_its_time_is_up() {
    let timeout = Duration::from_millis(100);
    let mut bench = bench(Framing::U32BE, 2000);
    bench.lane.frame_timeout = Some(timeout);
    let all = frame(b"frame").repeat(20);
    for half in all.chunks(5) {
        bench.feed(half);
        bench.now += timeout / 10;
        assert_eq!(bench.expire(), None);
    }
    assert_eq!(bench.drain(), all);
    bench.feed(b"!");
    assert_eq!(bench.lane.next_deadline(), Some(bench.now + timeout));
    bench.now += timeout;
    assert_eq!(bench.expire(), Some(Desync { claimed: None }));
    assert_eq!((bench.drain(), bench.lane.next_deadline()), (b"!".to_vec(), None));
    bench.feed(b"?");
    assert_eq!(bench.drain(), b"?");
}
