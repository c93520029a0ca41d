//! The order of sampling, and which samples count.

use std::time::{Duration, Instant};

use crate::case::{Case, Subject};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds over everything. They lie apart, so that a busy minute of the machine spoils one of them.
    pub passes: usize,
    /// Samples per case and pass.
    pub samples: usize,
    /// How long a sample is on one thread: short against the time between two interruptions.
    pub sample: Duration,
    /// How long a sample is on two threads: long against the time to start a thread.
    pub sample_of_pair: Duration,
    /// Most time for a group in a pass, after which it has the samples it has. On a busy machine two threads wait long
    /// for each other, and one run shall not.
    pub group_max: Duration,
}

/// Samples of a pass that are taken however long they take.
const SAMPLES_MIN: usize = 3;

impl Effort {
    /// For figures to be quoted.
    pub const FULL: Self = Self {
        passes: 7,
        samples: 60,
        sample: Duration::from_micros(30),
        sample_of_pair: Duration::from_micros(200),
        group_max: Duration::from_millis(150),
    };
    /// For a look.
    pub const QUICK: Self =
        Self { passes: 2, samples: 10, group_max: Duration::from_millis(100), ..Self::FULL };
}

/// A result.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What it is about.
    pub subject: Subject,
    /// Nanoseconds for one operation: the best pass.
    pub ns: f64,
    /// The same in the worst pass: far from `ns`, the machine was busy.
    pub ns_worst_pass: f64,
}

struct Running<'a> {
    case: &'a mut Case,
    times: u64,
    passes: Vec<f64>,
}

/// Measures all cases, in groups of the same operation, size and number of threads. Cases that never ran as they should
/// are left out.
pub fn measure(
    cases: &mut [Case],
    effort: Effort,
    mut on_progress: impl FnMut(usize, &Subject),
) -> Vec<Figure> {
    cases.sort_by(|left, right| left.subject.cmp(&right.subject));
    let mut running: Vec<Running<'_>> =
        cases.iter_mut().map(|case| Running::calibrated(case, effort)).collect();
    for pass in 0..effort.passes {
        let same_group = |left: &Running<'_>, right: &Running<'_>| left.group() == right.group();
        for group in running.chunk_by_mut(same_group) {
            on_progress(pass, &group[0].case.subject);
            sample_in_turns(group, effort);
        }
    }
    running.into_iter().filter_map(Running::into_figure).collect()
}

fn sample_in_turns(group: &mut [Running<'_>], effort: Effort) {
    let mut taken = vec![Vec::with_capacity(effort.samples); group.len()];
    let start = Instant::now();
    for sample in 0..effort.samples {
        if sample >= SAMPLES_MIN && start.elapsed() > effort.group_max {
            break;
        }
        for (running, taken) in group.iter_mut().zip(&mut taken) {
            taken.extend(running.sample());
        }
    }
    for (running, mut taken) in group.iter_mut().zip(taken) {
        taken.sort_unstable_by(f64::total_cmp);
        running.passes.extend(taken.get(running.rank(taken.len())).copied());
    }
}

impl<'a> Running<'a> {
    /// Finds how often to do it for a sample of the wanted length; what two threads contend for then takes longer.
    fn calibrated(case: &'a mut Case, effort: Effort) -> Self {
        let wanted = if case.work.threads() > 1 { effort.sample_of_pair } else { effort.sample };
        let mut times = 1;
        while times < 1 << 24 {
            let taken = (0..3).map(|_| case.work.run_alone(times)).min().unwrap_or_default();
            if taken * 3 >= wanted * 2 {
                break;
            }
            times *= 2;
        }
        Self { case, times, passes: Vec::new() }
    }

    fn group(&self) -> (crate::case::Op, usize, usize) {
        let subject = &self.case.subject;
        (subject.op, subject.entries, subject.threads)
    }

    /// Nanoseconds for one operation. The first tenth brings code and data back into the caches.
    fn sample(&mut self) -> Option<f64> {
        if self.case.work.threads() == 1 {
            let _warm_up = self.case.work.run(self.times / 10 + 1);
        }
        let run = self.case.work.run(self.times);
        #[allow(clippy::cast_precision_loss, reason = "at most 2^24")]
        run.counts.then(|| run.taken.as_secs_f64() * 1e9 / self.times as f64)
    }

    /// Which of the sorted samples counts. Alone, a disturbance only ever adds: the lowest tenth is undisturbed. Two
    /// threads can also be lucky, so there it is the median.
    fn rank(&self, count: usize) -> usize {
        if self.case.work.threads() == 1 { count / 10 } else { count / 2 }
    }

    fn into_figure(self) -> Option<Figure> {
        let ns = self.passes.iter().copied().min_by(f64::total_cmp)?;
        let ns_worst_pass = self.passes.iter().copied().max_by(f64::total_cmp)?;
        Some(Figure { subject: self.case.subject.clone(), ns, ns_worst_pass })
    }
}
