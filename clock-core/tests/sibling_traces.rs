//! Siblings: the trace of the inventors written out, and random ones against a model that stores whole histories.

use clock_core::{
    Context, ContextFromTheFuture, Dot, MAX_JUMP, ReplicaId, SIBLINGS_MAX, Siblings, SiblingsRefused,
    TooManySiblings, VECTOR_ENTRIES_MAX, VersionVector,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn server(name: &str) -> ReplicaId {
    format!("{name}.00000001").parse().expect("a legal replica")
}

fn context(entries: &[(&str, u64)]) -> Context {
    let vector: VersionVector = entries.iter().map(|(name, seq)| (server(name), *seq)).collect();
    vector.into()
}

/// Writes that must be taken.
fn write<V>(key: &mut Siblings<V>, context: &Context, name: &str, value: V) -> Dot {
    key.write(context, &server(name), value).expect("nothing speaks against the write")
}

/// A write of a client that roams: ahead if it knows more than the server, which is refused otherwise.
fn write_knowing<V: Copy + PartialEq + std::fmt::Debug>(
    key: &mut Siblings<V>,
    context: &Context,
    name: &str,
    value: V,
) -> Dot {
    if key.context().vector().contains(context.vector()) {
        return write(key, context, name, value);
    }
    let before = key.clone();
    let refused = key.write(context, &server(name), value);
    assert!(matches!(refused, Err(SiblingsRefused::Unseen { .. })), "{refused:?}");
    assert_eq!(*key, before);
    key.write_ahead(context, &server(name), value).expect("nothing speaks against the write")
}

fn values<V: Copy>(key: &Siblings<V>) -> Vec<V> {
    key.values().copied().collect()
}

fn merged<V: Clone>(a: &Siblings<V>, b: &Siblings<V>) -> Siblings<V> {
    let mut result = a.clone();
    result.merge(b);
    result
}

/// Ways to keep the values of one key at one server, on the trace with which the authors of dotted version vectors explain
/// them (ricardobcl/Dotted-Version-Vectors): `v1` and `v2` are written blind, then `v3` by a client that had read `v1`
/// alone. The exact answer is `v2, v3`.
mod one_server_and_three_writes {
    use super::*;

    /// A vector for each value, with an entry for the server: `v2` gets `{a: 2}`, which is above the `{a: 1}` of `v1`.
    #[test]
    fn with_a_version_vector_for_each_value_a_write_is_lost() {
        let v1 = context(&[("a", 1)]);
        let v2 = context(&[("a", 2)]);
        assert!(v2.vector().contains(v1.vector()), "v2 appears to have seen v1, and replaces it");
    }

    /// The same vector for both instead: a client that read `v1` alone appears to have read both.
    #[test]
    fn with_equal_vectors_for_concurrent_values_an_unseen_value_is_replaced() {
        let (v1, v2, read_of_v1) = (context(&[("a", 1)]), context(&[("a", 1)]), context(&[("a", 1)]));
        assert!(read_of_v1.vector().contains(v1.vector()) && read_of_v1.vector().contains(v2.vector()));
    }

    /// One vector for all values: which value is which is forgotten, so nothing can be replaced by who read a part.
    #[test]
    fn with_one_merged_vector_a_value_that_was_read_is_kept() {
        let (both, read_of_v1) = (context(&[("a", 2)]), context(&[("a", 1)]));
        assert!(!read_of_v1.vector().contains(both.vector()), "v3 conflicts with v1, which it replaces");
    }

    #[test]
    fn with_dots_the_values_are_exactly_what_no_write_has_seen() {
        let mut key = Siblings::new();
        assert_eq!(write(&mut key, &Context::new(), "a", "v1").to_string(), "a.00000001:1");
        let (_, read_of_v1) = key.read();
        assert_eq!(write(&mut key, &Context::new(), "a", "v2").to_string(), "a.00000001:2");
        assert_eq!(values(&key), ["v1", "v2"]);
        assert_eq!(write(&mut key, &read_of_v1, "a", "v3").to_string(), "a.00000001:3");
        assert_eq!(values(&key), ["v2", "v3"]);
        let (_, read_of_both) = key.read();
        assert_eq!(read_of_both, context(&[("a", 3)]));
        write(&mut key, &read_of_both, "a", "v4");
        assert_eq!(values(&key), ["v4"]);
    }
}

#[test]
fn two_clients_that_take_turns_without_reading_do_not_explode_the_siblings() {
    let mut key = Siblings::new();
    let mut contexts = [Context::new(), Context::new()];
    for turn in 0..20 {
        // Each client reads right after its own write only, so it always has missed the other's next.
        write(&mut key, &contexts[turn % 2], "a", turn);
        contexts[turn % 2] = key.read().1;
        assert!(key.len() <= 2, "{key:?}");
    }
}

#[test]
fn two_servers_keep_concurrent_writes_and_drop_what_was_read() {
    let mut at_a = Siblings::new();
    write(&mut at_a, &Context::new(), "a", "first");
    let mut at_b = at_a.clone();
    let (_, read) = at_a.read();
    write(&mut at_a, &read, "a", "from a");
    write(&mut at_b, &read, "b", "from b");
    at_a.merge(&at_b);
    assert_eq!(values(&at_a), ["from a", "from b"]);
    let (_, read) = at_a.read();
    let refused = SiblingsRefused::Unseen { replica: server("a"), claimed: 2, known: 1 };
    assert_eq!(at_b.write(&read, &server("b"), "resolved"), Err(refused));
    at_b.write_ahead(&read, &server("b"), "resolved").expect("a client that is trusted");
    assert_eq!(values(&at_b), ["resolved"], "the context knows a write of a that b has not");
    at_a.merge(&at_b);
    assert_eq!((values(&at_a), values(&at_b)), (vec!["resolved"], vec!["resolved"]));
    assert_eq!(at_a, at_b);
}

#[test]
fn a_replaced_value_does_not_come_back_from_a_server_that_still_has_it() {
    let mut at_a = Siblings::new();
    write(&mut at_a, &Context::new(), "a", "old");
    let stale = at_a.clone();
    let (_, read) = at_a.read();
    write(&mut at_a, &read, "a", "new");
    assert_eq!(values(&merged(&at_a, &stale)), ["new"]);
    assert_eq!(merged(&at_a, &stale), at_a);
}

#[test]
fn a_context_of_writes_not_yet_minted_is_refused_with_the_facts() {
    let mut key = Siblings::new();
    write(&mut key, &Context::new(), "a", 1);
    let before = key.clone();
    let refused = ContextFromTheFuture { replica: server("a"), claimed: 2, minted: 1 };
    assert_eq!(key.write(&context(&[("a", 2)]), &server("a"), 2), Err(refused.clone().into()));
    assert_eq!(refused.to_string(), "a context claims event 2 of a.00000001, which has minted 1");
    assert_eq!(key, before);
    // A peer that knows more writes of ours than we do: state was lost here.
    let mut theirs = key.clone();
    write(&mut theirs, &Context::new(), "a", 2);
    assert_eq!(key.try_merge(&theirs, &server("a")), Err(refused.into()));
    assert_eq!(key, before);
    assert_eq!(key.try_merge(&theirs, &server("b")), Ok(()), "at another server it is news");
}

#[test]
fn a_forged_context_loses_no_write_of_another_server() {
    let (mut at_a, mut at_b) = (Siblings::new(), Siblings::new());
    let forged = context(&[("b", 1000)]);
    let refused = SiblingsRefused::Unseen { replica: server("b"), claimed: 1000, known: 0 };
    assert_eq!(at_a.write(&forged, &server("a"), "forged"), Err(refused.clone()));
    assert_eq!(
        refused.to_string(),
        "a context claims event 1000 of b.00000001, of which 0 are known here: pull from it first"
    );
    assert_eq!(at_a, Siblings::new());
    write(&mut at_a, &Context::new(), "a", "honest");
    write(&mut at_b, &Context::new(), "b", "precious");
    at_a.try_merge(&at_b, &server("a")).unwrap();
    at_b.try_merge(&at_a, &server("b")).unwrap();
    assert_eq!(values(&at_a), ["honest", "precious"]);
    assert_eq!(at_a, at_b);
}

/// What the doc of `write_ahead` warns of.
#[test]
fn a_forged_context_that_is_trusted_suppresses_writes() {
    let (mut at_a, mut at_b) = (Siblings::new(), Siblings::new());
    at_a.write_ahead(&context(&[("b", 2)]), &server("a"), "forged").unwrap();
    write(&mut at_b, &Context::new(), "b", "precious");
    at_a.try_merge(&at_b, &server("a")).unwrap();
    assert_eq!(values(&at_a), ["forged"]);
    let refused = ContextFromTheFuture { replica: server("b"), claimed: 2, minted: 1 };
    assert_eq!(at_b.try_merge(&at_a, &server("b")), Err(refused.into()));
}

#[test]
fn a_context_cannot_leap_over_the_writes_of_another_server() {
    let mut key = Siblings::new();
    assert!(key.write_ahead(&context(&[("b", MAX_JUMP)]), &server("a"), 1).is_ok());
    let claimed = 2 * MAX_JUMP + 1;
    let refused = SiblingsRefused::Jump { replica: server("b"), claimed, limit: 2 * MAX_JUMP };
    assert_eq!(key.write_ahead(&context(&[("b", claimed)]), &server("a"), 2), Err(refused));
    assert_eq!(values(&key), [1]);
}

#[test]
fn one_sibling_too_many_is_refused_and_a_write_that_has_read_is_not() {
    let mut key = Siblings::new();
    for number in 0..SIBLINGS_MAX {
        write(&mut key, &Context::new(), "a", number);
    }
    let full = key.clone();
    let refused = TooManySiblings { limit: SIBLINGS_MAX };
    assert_eq!(key.write(&Context::new(), &server("a"), 999), Err(refused.into()));
    assert_eq!(key, full);
    let mut theirs = Siblings::new();
    write(&mut theirs, &Context::new(), "b", 999);
    assert_eq!(key.try_merge(&theirs, &server("a")), Ok(()), "writes are bounded, not what others wrote");
    assert_eq!(key.len(), SIBLINGS_MAX + 1);
    assert_eq!(key.write(&Context::new(), &server("a"), 999), Err(refused.into()));
    let (_, read) = key.read();
    write(&mut key, &read, "a", 1000);
    assert_eq!(values(&key), [1000]);
}

/// A state with so many blind writes of one server.
fn crowd(name: &str, count: usize) -> Siblings<u64> {
    let mut key = Siblings::new();
    (0..count as u64).for_each(|number| _ = write(&mut key, &Context::new(), name, number));
    key
}

#[test]
fn two_honest_servers_accept_each_other_however_much_each_has() {
    let (mut at_a, mut at_b) = (crowd("a", SIBLINGS_MAX), crowd("b", SIBLINGS_MAX));
    let theirs = at_a.clone();
    assert_eq!(at_a.try_merge(&at_b, &server("a")), Ok(()));
    assert_eq!(at_b.try_merge(&theirs, &server("b")), Ok(()));
    assert_eq!(at_a, at_b);
    assert_eq!(at_a.len(), 2 * SIBLINGS_MAX);
}

#[test]
fn a_past_of_too_many_servers_is_refused() {
    let of = |count: usize| {
        let entries = (0..count).map(|number| (server(&format!("n{number}")), 1));
        Context::from(entries.collect::<VersionVector>())
    };
    let mut key = Siblings::new();
    let refused = SiblingsRefused::TooManyReplicas { limit: VECTOR_ENTRIES_MAX };
    assert_eq!(key.write_ahead(&of(VECTOR_ENTRIES_MAX), &server("a"), 1), Err(refused));
    assert!(key.write_ahead(&of(VECTOR_ENTRIES_MAX - 1), &server("a"), 1).is_ok());
    assert_eq!(key.context().vector().len(), VECTOR_ENTRIES_MAX);
}

/// What really happened, with the past of each write as the whole set of the events it had seen.
#[derive(Clone, Default)]
struct Model {
    writes: BTreeMap<(usize, u64), Past>,
}

type Past = BTreeSet<(usize, u64)>;

impl Model {
    fn values(&self) -> BTreeSet<(usize, u64)> {
        let is_seen =
            |dot: &(usize, u64)| self.writes.iter().any(|(other, past)| other != dot && past.contains(dot));
        self.writes.keys().filter(|dot| !is_seen(dot)).copied().collect()
    }

    fn read(&self) -> Past {
        self.values().iter().flat_map(|dot| self.writes[dot].iter().copied()).collect()
    }
}

const SERVERS: [&str; 3] = ["a", "b", "c"];
const CLIENTS: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Step {
    Read { client: usize, at: usize },
    Write { client: usize, at: usize },
    Blind { at: usize },
    Merge { into: usize, from: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (servers, clients) = (0..SERVERS.len(), 0..CLIENTS);
    let step = prop_oneof![
        (clients.clone(), servers.clone()).prop_map(|(client, at)| Step::Read { client, at }),
        (clients, servers.clone()).prop_map(|(client, at)| Step::Write { client, at }),
        servers.clone().prop_map(|at| Step::Blind { at }),
        (servers.clone(), servers).prop_map(|(into, from)| Step::Merge { into, from }),
    ];
    prop::collection::vec(step, 0..40)
}

/// Runs the steps on the siblings and on the model, side by side.
#[derive(Default)]
struct Pair {
    siblings: [Siblings<(usize, u64)>; SERVERS.len()],
    models: [Model; SERVERS.len()],
    clients: [(Context, Past); CLIENTS],
    minted: [u64; SERVERS.len()],
}

impl Pair {
    fn write(&mut self, at: usize, context: &Context, past: &Past) {
        self.minted[at] += 1;
        let name = (at, self.minted[at]);
        let dot = write_knowing(&mut self.siblings[at], context, SERVERS[at], name);
        assert_eq!((dot.replica, dot.seq), (server(SERVERS[at]), name.1), "a dot twice, or one left out");
        self.models[at].writes.insert(name, past.iter().copied().chain([name]).collect());
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Read { client, at } => {
                self.clients[client] = (self.siblings[at].read().1, self.models[at].read());
            }
            Step::Write { client, at } => {
                let (context, past) = self.clients[client].clone();
                self.write(at, &context, &past);
            }
            Step::Blind { at } => self.write(at, &Context::new(), &Past::new()),
            Step::Merge { into, from } => {
                let theirs = self.siblings[from].clone();
                self.siblings[into].try_merge(&theirs, &server(SERVERS[into])).expect("an honest peer");
                let theirs = self.models[from].writes.clone();
                self.models[into].writes.extend(theirs);
            }
        }
    }

    fn check(&self) {
        for (siblings, model) in self.siblings.iter().zip(&self.models) {
            assert_eq!(siblings.values().copied().collect::<BTreeSet<_>>(), model.values());
            let past = model.read();
            for (at, minted) in self.minted.iter().enumerate() {
                let seen = past.iter().filter(|(server, _)| *server == at).count() as u64;
                assert!(seen <= *minted);
                assert_eq!(siblings.context().vector().upto(&server(SERVERS[at])), seen);
            }
        }
    }
}

fn run(steps: &[Step]) -> Pair {
    let mut pair = Pair::default();
    for step in steps {
        pair.step(*step);
        pair.check();
    }
    pair
}

proptest! {
    /// Would be disproved by one value more or less than the whole histories say.
    #[test]
    fn siblings_are_exactly_the_writes_that_no_other_has_seen(steps in steps()) {
        run(&steps);
    }

    #[test]
    fn merge_is_a_join_semilattice(steps in steps()) {
        let [a, b, c] = run(&steps).siblings;
        prop_assert_eq!(&merged(&a, &a), &a);
        prop_assert_eq!(merged(&a, &b), merged(&b, &a));
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
        let whole = merged(&merged(&a, &b), &c);
        prop_assert_eq!(&merged(&whole, &b), &whole, "what is below a join adds nothing");
    }

    #[test]
    fn a_write_replaces_exactly_what_its_context_covers(steps in steps(), client in 0..CLIENTS, at in 0..3usize) {
        let pair = run(&steps);
        let (mut key, context) = (pair.siblings[at].clone(), &pair.clients[client].0);
        let survivors: Vec<Dot> =
            key.dotted_values().map(|(dot, _)| dot.clone()).filter(|dot| !context.covers(dot)).collect();
        let dot = write_knowing(&mut key, context, SERVERS[at], (9, 9));
        let after: Vec<Dot> = key.dotted_values().map(|(dot, _)| dot.clone()).collect();
        prop_assert!(!survivors.contains(&dot) && after.is_sorted());
        prop_assert!(survivors.iter().all(|dot| after.contains(dot)));
        prop_assert_eq!(after.len(), survivors.len() + 1);
    }

    #[test]
    fn a_context_read_as_a_token_is_the_same(steps in steps()) {
        for key in run(&steps).siblings {
            let (_, context) = key.read();
            prop_assert_eq!(context.to_string().parse::<Context>(), Ok(context));
        }
    }
}

#[cfg(feature = "serde")]
mod wire {
    use super::*;
    use clock_core::MAX_COUNTER;
    use serde_json::{Value, json};

    proptest! {
        #[test]
        fn siblings_read_back_from_the_wire(steps in steps()) {
            for key in run(&steps).siblings {
                let form = serde_json::to_value(&key).expect("siblings have a form");
                prop_assert_eq!(serde_json::from_value::<Siblings<(usize, u64)>>(form).expect("their own form"), key);
            }
        }
    }

    fn read(context: &Context, dots: &[(&str, u64)]) -> Result<Siblings<u8>, serde_json::Error> {
        let id = |name| serde_json::to_value(server(name)).expect("a replica has a form");
        let values: Vec<Value> =
            dots.iter().map(|(name, seq)| json!([{ "replica": id(name), "seq": seq }, 7])).collect();
        serde_json::from_value(json!([context, values]))
    }

    #[test]
    fn a_state_that_contradicts_itself_is_refused() {
        let past = context(&[("a", 2), ("b", 1)]);
        assert!(read(&past, &[("a", 1), ("a", 2), ("b", 1)]).is_ok());
        assert!(read(&past, &[("a", 3)]).is_err(), "not covered");
        assert!(read(&past, &[("b", 1), ("a", 1)]).is_err(), "out of order");
        assert!(read(&past, &[("a", 1), ("a", 1)]).is_err(), "a dot twice");
    }

    #[test]
    fn siblings_that_were_merged_read_back() {
        let mut key = crowd("a", SIBLINGS_MAX);
        key.merge(&crowd("b", SIBLINGS_MAX));
        key.merge(&crowd("c", 1));
        let text = serde_json::to_string(&key).expect("within what can be read");
        assert_eq!(serde_json::from_str::<Siblings<u64>>(&text).expect("what was written"), key);
    }

    #[test]
    fn more_siblings_of_a_server_than_it_can_have_are_refused() {
        let past = context(&[("a", 1000), ("b", 1)]);
        let mut dots: Vec<_> = (1..=SIBLINGS_MAX as u64).map(|seq| ("a", seq)).collect();
        dots.push(("b", 1));
        assert!(read(&past, &dots).is_ok());
        dots.insert(SIBLINGS_MAX, ("a", 1000));
        let error = read(&past, &dots).unwrap_err().to_string();
        assert!(error.contains("at most 128 of each server"), "{error}");
    }

    /// Whatever a peer sent: no join has more values of a server than one side, so it can always be written and read.
    #[test]
    fn a_join_has_no_more_siblings_of_a_server_than_one_side() {
        let half = |from: u64, upto: u64| {
            let dots: Vec<_> = (from..from + SIBLINGS_MAX as u64).map(|seq| ("a", seq)).collect();
            read(&context(&[("a", upto)]), &dots).expect("within the limit")
        };
        for (left, right) in
            [(half(1, 128), half(129, 256)), (half(1, 500), half(65, 192)), (half(1, 128), half(1, 128))]
        {
            let mut joined = left.clone();
            assert_eq!(joined.try_merge(&right, &server("b")), Ok(()));
            assert_eq!(joined, merged(&right, &left));
            assert!(joined.len() <= SIBLINGS_MAX);
            let form = serde_json::to_value(&joined).unwrap();
            assert_eq!(serde_json::from_value::<Siblings<u8>>(form).unwrap(), joined);
        }
    }

    #[test]
    fn a_past_of_too_many_servers_is_not_written() {
        let mut key: Siblings<u8> = Siblings::new();
        for number in 0..=VECTOR_ENTRIES_MAX {
            assert!(number < VECTOR_ENTRIES_MAX || serde_json::to_string(&key).is_ok());
            let mut theirs = Siblings::new();
            theirs.write(&Context::new(), &server(&format!("n{number}")), 1).unwrap();
            key.merge(&theirs);
        }
        let error = serde_json::to_string(&key).unwrap_err().to_string();
        assert_eq!(error, "a past of 1025 servers: at most 1024 are written");
    }

    #[test]
    fn a_used_up_counter_mints_no_dot_twice() {
        let mut key: Siblings<u8> = Siblings::new();
        // No jump leads there: the state of another server, taken over as our own.
        key.merge(&state_with(&context(&[("a", MAX_COUNTER - 1)])));
        assert_eq!(write(&mut key, &Context::new(), "a", 1).seq, MAX_COUNTER);
        let refused = SiblingsRefused::Exhausted { replica: server("a") };
        assert_eq!(key.write(&Context::new(), &server("a"), 2), Err(refused));
        assert_eq!(values(&key), [1]);
    }

    /// A state that has seen much and holds nothing.
    fn state_with(context: &Context) -> Siblings<u8> {
        let form = serde_json::json!([context, []]);
        serde_json::from_value(form).expect("a sound state")
    }
}
