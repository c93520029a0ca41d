//! Small frames at a steady pace, each with the moment at which it was sent.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::{HEADER_BYTES, PATIENCE, Pair, SMALL_BYTES, frames, joined};

/// Where the moment stands in a frame.
const STAMP: std::ops::Range<usize> = HEADER_BYTES..HEADER_BYTES + 8;
/// A read of the receiver.
const READ_BYTES: usize = 64 * 1024;

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) per_second: u32,
    pub(crate) frames: usize,
}

impl Pace {
    /// So many a second for so long.
    pub(crate) fn new(per_second: u32, duration: Duration) -> Self {
        let frames = u128::from(per_second) * duration.as_millis() / 1_000;
        Self { per_second, frames: usize::try_from(frames).unwrap_or(usize::MAX) }
    }
}

/// Seconds from sending to arrival, of all frames that arrived. Fewer than were sent: the relay lost or kept some.
pub(crate) fn stamped(pair: &mut Pair, pace: Pace) -> io::Result<Vec<f64>> {
    let (start, Pair { client, server }) = (Instant::now(), pair);
    std::thread::scope(|scope| {
        let sender = scope.spawn(move || send(client, pace, start));
        let arrivals = receive(server, pace, start);
        joined(sender)?;
        arrivals
    })
}

fn send(client: &mut TcpStream, pace: Pace, start: Instant) -> io::Result<()> {
    let mut frame = frames(SMALL_BYTES, 1);
    let (mut due, step) = (start, Duration::from_secs(1) / pace.per_second);
    // Behind a relay that stopped reading, the sender gives up as well.
    client.set_write_timeout(Some(PATIENCE))?;
    for _ in 0..pace.frames {
        due += step;
        wait_until(due);
        frame[STAMP].copy_from_slice(&nanos_since(start).to_be_bytes());
        client.write_all(&frame)?;
    }
    Ok(())
}

/// Late by the slack of the kernel's timers, which does not matter: the stamp is taken afterwards.
fn wait_until(due: Instant) {
    while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}

fn receive(server: &mut TcpStream, pace: Pace, start: Instant) -> io::Result<Vec<f64>> {
    let (mut buffer, mut held) = (vec![0; READ_BYTES], 0);
    let mut seconds = Vec::with_capacity(pace.frames);
    while seconds.len() < pace.frames {
        let bytes = match server.read(&mut buffer[held..]) {
            Ok(0) => break,
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        };
        let now = nanos_since(start);
        held += bytes;
        let whole = held - held % SMALL_BYTES;
        seconds.extend(buffer[..whole].chunks_exact(SMALL_BYTES).map(|frame| delay_seconds(frame, now)));
        buffer.copy_within(whole..held, 0);
        held -= whole;
    }
    Ok(seconds)
}

fn delay_seconds(frame: &[u8], now: u64) -> f64 {
    let sent = frame[STAMP].try_into().map_or(now, u64::from_be_bytes);
    Duration::from_nanos(now.saturating_sub(sent)).as_secs_f64()
}

fn nanos_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
