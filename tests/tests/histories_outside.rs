//! The checks of histories whose stations nobody can look into, on histories of the naive store with all that only a
//! harness sees taken out: good ones pass, and an edited answer is found out.

use std::collections::BTreeMap;

use clock_core::{Dot, Key, NodeId, RequestId};
use clock_tests::check::{Checker, Violation};
use clock_tests::history::{Answer, Call, Line, What};

mod forge;

use forge::{Edit, Forge};

/// The history as clients of real processes would have recorded it, every read with all that its station had.
fn from_outside(lines: Vec<Line>) -> Vec<Line> {
    let mut shown = BTreeMap::<NodeId, Vec<Dot>>::new();
    let mut requests = BTreeMap::<Dot, RequestId>::new();
    let mut keys = BTreeMap::<RequestId, Key>::new();
    let mut asked = BTreeMap::<u64, NodeId>::new();
    let mut kept = Vec::new();
    for mut line in lines {
        match &mut line.what {
            What::Minted { dot, request, .. } => drop(requests.insert(dot.clone(), *request)),
            What::Visible { station, dots } => shown.entry(station.clone()).or_default().append(dots),
            What::Started { station, visible, .. } => drop(shown.insert(station.clone(), visible.clone())),
            What::Durable { .. } | What::State { .. } => {}
            What::Invoke { op, station, call, .. } => {
                asked.insert(*op, station.clone());
                if let Call::Put { key, request, .. } | Call::Resolve { key, request, .. } = call {
                    keys.insert(*request, key.clone());
                }
                kept.push(line);
            }
            What::Ok { op, answer: Answer::Entry { versions, seen, .. }, .. } => {
                let key = keys[&versions[0].request].clone();
                let of_key = |dot: &&Dot| keys[&requests[*dot]] == key;
                *seen = Some(shown[&asked[op]].iter().filter(of_key).cloned().collect());
                kept.push(line);
            }
            _ => kept.push(line),
        }
    }
    kept
}

/// Histories in which no disk was destroyed: what is lost for good, only a harness can excuse.
fn histories(actions: usize) -> impl Iterator<Item = (u64, Vec<Line>)> {
    let all = (0..).map(move |seed| (seed, Forge::history(seed, actions)));
    let is_whole = |lines: &[Line]| !lines.iter().any(|line| matches!(line.what, What::Lost { .. }));
    all.filter(move |(_, lines)| is_whole(lines)).map(|(seed, lines)| (seed, from_outside(lines)))
}

fn judge(lines: &[Line]) -> Result<(), Violation> {
    let mut checker = Checker::default();
    lines.iter().try_for_each(|line| checker.observe(line))?;
    checker.end()
}

/// Disproved by a good history in which a check finds something.
#[test]
fn histories_of_a_naive_store_pass_from_outside() {
    for (seed, lines) in histories(120).take(100) {
        judge(&lines).unwrap_or_else(|violation| panic!("seed {seed}: {violation}"));
    }
}

/// Disproved by an edited answer that passes. Only a name that is left out may, sometimes: a write whose context nobody
/// was ever told can have superseded it, as far as anybody outside knows.
#[test]
fn each_edit_of_an_answer_is_rejected_from_outside() {
    let mut judged = BTreeMap::<Edit, (u32, u32)>::new();
    for (at, (seed, mut lines)) in histories(60).take(540).enumerate() {
        let edit = Edit::ALL[at % Edit::ALL.len()];
        if edit.apply(&mut lines, &mut fastrand::Rng::with_seed(seed)).is_none() {
            continue;
        }
        let (rejected, all) = judged.entry(edit).or_default();
        *rejected += u32::from(judge(&lines).is_err());
        *all += 1;
    }
    println!("{judged:?}");
    for (edit, (rejected, all)) in &judged {
        let least = if *edit == Edit::DropName { all * 9 / 10 } else { *all };
        assert!(*all >= 5 && *rejected >= least, "{edit:?}: {rejected} of {all} are rejected");
    }
    assert_eq!(judged.len(), Edit::ALL.len(), "each edit was tried");
}
