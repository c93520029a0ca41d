//! What the bus knows: who is cut off from whom, what has arrived and what is held. Pure and synchronous.
//!
//! Invariants: a message is in exactly one place until it is taken; held messages of a pair never overtake
//! each other; nothing is dropped, a full recipient makes the sender wait.

use super::bus::Message;
use super::reorder::Reorder;
use std::collections::{BTreeSet, VecDeque};

/// How many messages may be under way to one recipient, arrived and held together.
///
/// A partition of a minute at 250 messages a second. When it is reached, senders to that recipient wait.
pub const RECIPIENT_CAPACITY: usize = 16_384;

/// The state behind a [`MessageBus`](super::MessageBus). Nodes are indices into its list of ids.
#[derive(Debug)]
pub(super) struct Network {
    inboxes: Vec<Inbox>,
    /// Pairs that cannot talk, smaller index first.
    cuts: BTreeSet<(usize, usize)>,
    reorder: Reorder,
    is_closed: bool,
}

#[derive(Debug, Default)]
struct Inbox {
    arrived: VecDeque<Arrived>,
    held: VecDeque<Message>,
}

#[derive(Debug)]
struct Arrived {
    message: Message,
    overtaken: usize,
}

/// What became of a message that was offered.
pub(super) enum Offer {
    Accepted,
    Full(Message),
    Closed,
}

/// What a recipient gets.
pub(super) enum Take {
    Message(Message),
    NothingYet,
    NeverAgain,
}

impl Network {
    pub(super) fn new(node_count: usize) -> Self {
        Self {
            inboxes: (0..node_count).map(|_| Inbox::default()).collect(),
            cuts: BTreeSet::new(),
            reorder: Reorder::new(0, 1),
            is_closed: false,
        }
    }

    pub(super) fn cut(&mut self, group_a: &[usize], group_b: &[usize]) {
        for &a in group_a {
            self.cuts.extend(group_b.iter().map(|&b| (a.min(b), a.max(b))));
        }
    }

    pub(super) fn heal(&mut self) {
        self.cuts.clear();
        for inbox in &mut self.inboxes {
            let released = inbox.held.drain(..).map(|message| Arrived { message, overtaken: 0 });
            inbox.arrived.extend(released);
        }
    }

    pub(super) fn set_order(&mut self, reorder: Reorder) {
        self.reorder = reorder;
    }

    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }

    pub(super) fn offer(&mut self, from: usize, to: usize, message: Message) -> Offer {
        if self.is_closed {
            return Offer::Closed;
        }
        let is_cut = self.cuts.contains(&(from.min(to), from.max(to)));
        let inbox = &mut self.inboxes[to];
        if inbox.arrived.len() + inbox.held.len() >= RECIPIENT_CAPACITY {
            return Offer::Full(message);
        }
        if is_cut {
            inbox.held.push_back(message);
        } else {
            inbox.arrived.push_back(Arrived { message, overtaken: 0 });
        }
        Offer::Accepted
    }

    pub(super) fn take(&mut self, node: usize) -> Take {
        let arrived = &mut self.inboxes[node].arrived;
        let index = match arrived.front() {
            None if self.is_closed => return Take::NeverAgain,
            None => return Take::NothingYet,
            // The front has been overtaken at least as often as any other, so only it needs the check.
            Some(front) if front.overtaken >= self.reorder.overtakes_max() => 0,
            Some(_) => self.reorder.pick(arrived.len()),
        };
        for overtaken in arrived.iter_mut().take(index) {
            overtaken.overtaken += 1;
        }
        arrived.remove(index).map_or(Take::NothingYet, |next| Take::Message(next.message))
    }

    pub(super) fn held_count(&self) -> usize {
        self.inboxes.iter().map(|inbox| inbox.held.len()).sum()
    }

    pub(super) fn arrived_count(&self, node: usize) -> usize {
        self.inboxes[node].arrived.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network_with(count: u8) -> Network {
        let mut network = Network::new(2);
        for number in 0..count {
            let message = Message { from: "a".to_owned(), to: "b".to_owned(), payload: vec![number] };
            assert!(matches!(network.offer(0, 1, message), Offer::Accepted));
        }
        network
    }

    fn drain(network: &mut Network) -> Vec<u8> {
        let next = || match network.take(1) {
            Take::Message(message) => message.payload.first().copied(),
            Take::NothingYet | Take::NeverAgain => None,
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn the_default_is_in_order() {
        assert_eq!(drain(&mut network_with(50)), (0..50).collect::<Vec<_>>());
    }

    /// Disproved by a lost message or by one that more than `window - 1` others overtook.
    #[test]
    fn reordering_loses_nothing_and_starves_nobody() {
        for seed in 0..50 {
            let mut network = network_with(100);
            network.set_order(Reorder::new(seed, 5));
            let order = drain(&mut network);
            for (place, number) in order.iter().enumerate() {
                let overtakers = order[..place].iter().filter(|earlier| *earlier > number).count();
                assert!(overtakers <= 4, "seed {seed}: {overtakers} overtook {number}");
            }
            let mut sorted = order;
            sorted.sort_unstable();
            assert_eq!(sorted, (0..100).collect::<Vec<_>>(), "seed {seed}");
        }
    }
}
