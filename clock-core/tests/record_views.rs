//! What holds for every set of versions a key can have: views and severities are functions of the set, not of its order.

#![cfg(feature = "replica")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test helpers stop the test")]

use bytes::Bytes;
use clock_core::record::{
    Candidate, InvalidView, Severity, Undecided, View, severity, side_by_side, validate,
};
use clock_core::{Body, BodyKind, Dot};
use proptest::prelude::*;

/// 2000-06-28T18:50:19Z, within a day of every epoch below.
const AT_MS: u64 = 962_218_219_000;
const STATIONS: [&str; 4] = ["pacific", "indian_ocean", "atlantic", "antarctic"];

/// One version: its dots and its value.
type Version = (Vec<Dot>, Body);

/// The sum of the digits, a minus counts 1, modulo ten: the last column of a line.
fn with_checksum(line: &str) -> String {
    let digits = line.bytes().map(|byte| match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        b'-' => 1,
        _ => 0,
    });
    format!("{line}{}", digits.sum::<u32>() % 10)
}

/// Vanguard 1 as it was at the end of June 2000, with this day of the year as its epoch and this mean anomaly.
fn elements(day: f64, anomaly: f64) -> Body {
    let first =
        with_checksum(&format!("1 00005U 58002B   00{day:012.8}  .00000023  00000-0  28098-4 0  475"));
    let second =
        with_checksum(&format!("2 00005  34.2682 348.7242 1859667 331.7664 {anomaly:8.4} 10.8241915741366"));
    validate(BodyKind::TLE, &Bytes::from(format!("{first}\n{second}"))).unwrap()
}

fn text(value: &str) -> Body {
    Body { kind: BodyKind::OPAQUE, bytes: Bytes::copy_from_slice(value.as_bytes()) }
}

fn dot(station: &str, seq: usize) -> Dot {
    format!("{station}.00c0ffee:{seq}").parse().unwrap()
}

fn candidates(versions: &[Version]) -> Vec<Candidate<'_>> {
    versions.iter().map(|(dots, body)| Candidate { dots, body }).collect()
}

/// The first name of the version that a view shows.
fn shown(view: &View, versions: &[Version]) -> Result<Dot, Undecided> {
    view.choose(&candidates(versions)).map(|index| versions[index].0[0].clone())
}

fn any_body() -> impl Strategy<Value = Body> {
    prop_oneof![
        6 => (179_u32..182, 0_u32..360).prop_map(|(day, anomaly)| elements(day.into(), anomaly.into())),
        1 => "[a-c]{0,2}".prop_map(|value| text(&value)),
        1 => Just(Body::TOMBSTONE),
    ]
}

/// Versions with names of their own, each by one station or, a collapsed retry, by two.
fn any_versions() -> impl Strategy<Value = Vec<Version>> {
    let version = (0..4_usize, prop::option::weighted(0.2, 0..4_usize), any_body());
    prop::collection::vec(version, 0..6).prop_map(|versions| {
        let named = |(n, (station, retry, body)): (usize, (usize, Option<usize>, Body))| {
            let stations = [Some(station), retry].into_iter().flatten();
            let dots = stations.enumerate().map(|(place, station)| dot(STATIONS[station], 2 * n + place + 1));
            (dots.collect(), body)
        };
        versions.into_iter().enumerate().map(named).collect()
    })
}

fn any_view() -> impl Strategy<Value = View> {
    let list = prop::sample::subsequence(STATIONS.to_vec(), 1..=4).prop_shuffle();
    let by_source = list.prop_map(|names| {
        View::SourcePriority(names.into_iter().map(|name| name.parse().unwrap()).collect())
    });
    prop_oneof![Just(View::LatestEpoch), by_source]
}

proptest! {
    /// Disproved by two orders of the same versions that show different ones, or give different reasons.
    #[test]
    fn a_view_does_not_depend_on_the_order_of_the_versions(
        (versions, shuffled) in any_versions().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        view in any_view(),
    ) {
        match (shown(&view, &versions), shown(&view, &shuffled)) {
            // Which of several versions without an epoch is named depends on the order; that none is shown does not.
            (Err(Undecided::NoEpoch { .. }), Err(Undecided::NoEpoch { .. })) => {}
            (one, other) => prop_assert_eq!(one, other, "{} over {:?}", view, versions),
        }
    }

    /// Disproved by a version that is shown although the rule does not name it.
    #[test]
    fn a_view_shows_what_its_rule_says_or_nothing(versions in any_versions(), view in any_view()) {
        let Ok(index) = view.choose(&candidates(&versions)) else { return Ok(()) };
        prop_assert!(index < versions.len());
        if versions.len() == 1 { return Ok(()) }
        match &view {
            View::LatestEpoch => {
                let epoch = |(_, body): &Version| body.bytes.slice(18..32);
                let others = versions.iter().enumerate().filter(|(other, _)| *other != index);
                for (_, other) in others {
                    prop_assert!(epoch(&versions[index]) > epoch(other), "an epoch is as late: {:?}", versions);
                }
            }
            View::SourcePriority(stations) => {
                let of = |station: &_| {
                    versions.iter().filter(|(dots, _)| dots.iter().any(|dot| dot.replica.node == *station)).count()
                };
                let first = stations.iter().find(|station| of(station) == 1).unwrap();
                prop_assert!(versions[index].0.iter().any(|dot| dot.replica.node == *first));
            }
        }
    }

    /// Disproved by two orders of the same versions with different severities, or a negative or missing number.
    #[test]
    fn a_severity_does_not_depend_on_the_order_of_the_versions(
        (versions, shuffled) in any_versions().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        let measured = |versions: &[Version]| {
            let bodies: Vec<&Body> = versions.iter().map(|(_, body)| body).collect();
            (severity(&bodies, AT_MS), side_by_side(&bodies))
        };
        let ((one, rows), (other, _)) = (measured(&versions), measured(&shuffled));
        prop_assert_eq!(&one, &other);
        if let Severity::Kilometres(kilometres) = one {
            prop_assert!(kilometres >= 0.0 && kilometres.is_finite());
            let bytes: std::collections::BTreeSet<&Bytes> = versions.iter().map(|(_, body)| &body.bytes).collect();
            prop_assert_eq!(rows.iter().any(|row| row.differs), bytes.len() > 1);
        }
    }

    /// Disproved by a view that does not read back from its text.
    #[test]
    fn a_view_reads_back_from_its_text(view in any_view()) {
        prop_assert_eq!(view.to_string().parse::<View>(), Ok(view));
    }

    /// Disproved by a panic, or an error that repeats a long text.
    #[test]
    fn any_text_is_a_view_or_a_short_refusal(text in "(source-priority=)?.{0,400}") {
        if let Err(refusal) = text.parse::<View>() {
            prop_assert!(refusal.to_string().chars().count() < 1200, "{}", refusal);
        }
    }
}

#[test]
fn what_names_no_view_is_refused_with_what_was_expected() {
    let refused = |text: &str| text.parse::<View>().unwrap_err();
    assert!(matches!(refused("newest"), InvalidView::Unknown(_)));
    assert!(matches!(refused("source-priority"), InvalidView::Unknown(_)));
    assert!(matches!(refused("latest-epoch "), InvalidView::Unknown(_)));
    for text in ["source-priority=", "source-priority=a,,b", "source-priority=a b"] {
        assert!(matches!(refused(text), InvalidView::Station(_)), "{text:?} was accepted");
    }
    assert_eq!(refused("source-priority=a,b,a"), InvalidView::Twice("a".parse().unwrap()));
    let many: Vec<String> = (0..65).map(|n| format!("station-{n}")).collect();
    assert_eq!(refused(&format!("source-priority={}", many.join(","))), InvalidView::TooMany(65));
}

#[test]
fn an_undecided_view_says_what_the_versions_lack() {
    let version = |station: &str, seq, body: Body| (vec![dot(station, seq)], body);
    let early = elements(179.0, 10.0);
    let late = elements(180.5, 20.0);
    let decided = [version("pacific", 1, early.clone()), version("atlantic", 1, late.clone())];
    assert_eq!(shown(&View::LatestEpoch, &decided), Ok(dot("atlantic", 1)));

    let twice = elements(180.5, 30.0);
    let equal = [version("pacific", 1, late), version("atlantic", 1, twice)];
    let epoch = "2000-06-28 12:00:00Z".to_owned();
    assert_eq!(shown(&View::LatestEpoch, &equal), Err(Undecided::EqualEpochs { epoch, count: 2 }));

    let deleted = [version("pacific", 1, early), version("atlantic", 7, Body::TOMBSTONE)];
    let no_epoch = Undecided::NoEpoch { version: "atlantic.00c0ffee:7".to_owned() };
    assert_eq!(shown(&View::LatestEpoch, &deleted), Err(no_epoch));

    let view: View = "source-priority=antarctic,pacific".parse().unwrap();
    assert_eq!(shown(&view, &decided), Ok(dot("pacific", 1)));
    let both = [version("pacific", 1, Body::TOMBSTONE), version("pacific", 2, text("a"))];
    let authors = "pacific".to_owned();
    assert_eq!(shown(&view, &both), Err(Undecided::NoSource { authors }));
    assert_eq!(shown(&view, &[]), Err(Undecided::NoVersion));
}
