//! The threads that relay.
//!
//! A connection stays on the thread it was given to. On tokio's multi-thread runtime one thread would wait for
//! events while another moves bytes, so that each event of a busy connection costs a switch between the two, and
//! a connection that wanders leaves its buffers behind in the cache of another core. Here every thread has a
//! runtime of its own, and asks for events when it has moved what there was to move.
//!
//! Whoever accepts and commands runs elsewhere, so a thread that is busy relaying delays neither.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;

/// Polls of connections before a thread looks for new events, and for connections woken by other threads. Tokio's
/// 61 and 31 are meant for short polls; one of ours may move a mebibyte, and so a quiet neighbour of busy
/// connections waits a millisecond and not thirty.
const POLLS_BETWEEN_EVENTS: u32 = 2;

/// Threads that relay, until the token they were started with is cancelled.
#[derive(Debug, Clone)]
pub(crate) struct Crew {
    threads: Arc<[Handle]>,
    next: Arc<AtomicUsize>,
}

impl Crew {
    /// So many threads, or one per core.
    ///
    /// # Errors
    /// The system gives no more threads or descriptors.
    pub(crate) fn start(threads: Option<NonZeroUsize>, stop: &CancellationToken) -> io::Result<Self> {
        let count = match threads {
            Some(count) => count.get(),
            None => thread::available_parallelism().map_or(1, usize::from),
        };
        let threads = (0..count).map(|_| start_thread(stop.clone())).collect::<io::Result<_>>()?;
        Ok(Self { threads, next: Arc::default() })
    }

    /// The thread for the next connection: each in turn.
    pub(crate) fn next(&self) -> &Handle {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        &self.threads[turn % self.threads.len()]
    }
}

fn start_thread(stop: CancellationToken) -> io::Result<Handle> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .event_interval(POLLS_BETWEEN_EVENTS)
        .global_queue_interval(POLLS_BETWEEN_EVENTS)
        .build()?;
    let handle = runtime.handle().clone();
    let relay = move || {
        runtime.block_on(stop.cancelled());
        // A name lookup cannot be cancelled, and nobody waits for it any more.
        runtime.shutdown_background();
    };
    thread::Builder::new().name("relay".to_owned()).spawn(relay)?;
    Ok(handle)
}
