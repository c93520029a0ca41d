//! What the machine can do at best: nobody can be faster than these.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clock_bench::case::{Cases, MEASURING_LOOP, Op, READ_MODIFY_WRITE, Who};
use clock_bench::work::Work;

use crate::vector::keep;
use crate::wall;

/// What two vectors of 1024 entries are together.
const HALF_OF_16_KIB: usize = 8 * 1024;

pub(crate) fn add(cases: &mut Cases) {
    let mut add = |name: &str, work| cases.add(Op::Limit, 0, Who::Machine, name, work);
    add(MEASURING_LOOP, Work::repeated(|| black_box(1)));

    let atomic: &AtomicU64 = keep(AtomicU64::new(0));
    let count = |atomic: &AtomicU64| atomic.fetch_add(1, Ordering::Relaxed);
    add(READ_MODIFY_WRITE, Work::counted(move || count(atomic)));
    add(READ_MODIFY_WRITE, Work::counted_on_two_threads(move || count(atomic)));

    let shared: &Arc<u64> = keep(Arc::new(0));
    add("Arc clone and drop", Work::repeated(move || black_box(shared).clone()));
    add("Arc clone and drop", Work::on_two_threads(move |_| black_box(shared).clone()));

    add("SystemTime::now", Work::repeated(wall::now));

    let (left, right) = (vec![1_u8; HALF_OF_16_KIB], vec![1_u8; HALF_OF_16_KIB]);
    add("read 16 KiB (memcmp of two halves)", Work::repeated(move || black_box(&left) == black_box(&right)));

    let lanes: Vec<u64> = (0..64).collect();
    add("clone and drop a Vec of 64 u64", Work::repeated(move || black_box(&lanes).clone()));
}
