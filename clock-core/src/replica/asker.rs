//! Who asked, on which terms, and how the answer reaches them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::effect::Effect;
use super::input::{Mono, Now, SessionId, Ticket};
use super::{Replica, Step};
use crate::bugs::{Bug, planted};
use crate::id::NodeId;
use crate::versions::VersionVector;
use crate::wire::{Copies, DEADLINE_MS_MAX, Receipt, RequestError, Response, Terms};

/// Dots and vector entries in the receipts of one batch: at most 88 bytes each, they fit a frame.
const BATCH_IDS_MAX: usize = 8_192;

/// Whoever waits for an answer, and what was agreed with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asker {
    to: To,
    /// They are in a session: the answer comes with its next token.
    wants_token: bool,
    /// How many stations must have their write, this one included.
    pub(super) w: usize,
    pub(super) asked_at: Mono,
    /// How long they wait for that.
    pub(super) patience: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Client(Ticket),
    /// One write of a batch: its receipt is kept until all are there.
    Batch {
        number: u64,
        index: usize,
    },
}

/// A batch whose writes are appended, and not all answered.
#[derive(Debug, Clone)]
struct Batch {
    whole: Asker,
    receipts: Vec<Option<Receipt>>,
}

/// The batches under way: each has a write that waits, and ends with its session.
#[derive(Debug, Default, Clone)]
pub(super) struct Batches {
    open: BTreeMap<u64, Batch>,
    next: u64,
}

impl Asker {
    /// Whoever asked on terms that cannot be met.
    pub(super) fn on_no_terms(now: Now, ticket: Ticket) -> Self {
        let to = To::Client(ticket);
        Self { to, wants_token: false, w: 1, asked_at: now.mono, patience: Duration::ZERO }
    }

    /// The last moment at which the answer is in time.
    pub(super) fn deadline(&self) -> Mono {
        self.asked_at.plus(self.patience)
    }

    /// Where the answer goes, if it is one by itself.
    pub(super) fn ticket(&self) -> Option<Ticket> {
        match self.to {
            To::Client(ticket) => Some(ticket),
            To::Batch { .. } => None,
        }
    }
}

impl Batches {
    /// Askers for the writes of one batch, whose receipts are answered together.
    pub(super) fn open(&mut self, whole: Asker, writes: usize) -> Vec<Asker> {
        let number = self.next;
        self.next += 1;
        self.open.insert(number, Batch { whole, receipts: vec![None; writes] });
        (0..writes).map(|index| Asker { to: To::Batch { number, index }, ..whole }).collect()
    }

    /// Whose request this asker's is, or is a part of.
    pub(super) fn ticket(&self, asker: Asker) -> Option<Ticket> {
        match asker.to {
            To::Client(ticket) => Some(ticket),
            To::Batch { number, .. } => self.open.get(&number)?.whole.ticket(),
        }
    }

    /// Nobody waits there any more.
    pub(super) fn forget(&mut self, session: SessionId) {
        self.open.retain(|_, batch| batch.whole.ticket().is_none_or(|ticket| ticket.session != session));
    }

    /// The batch of this asker was refused.
    pub(super) fn abandon(&mut self, asker: Asker) {
        if let To::Batch { number, .. } = asker.to {
            self.open.remove(&number);
        }
    }

    /// Takes one receipt; all of them when it was the last.
    fn take(&mut self, number: u64, index: usize, receipt: Receipt) -> Option<(Asker, Vec<Receipt>)> {
        let batch = self.open.get_mut(&number)?;
        *batch.receipts.get_mut(index)? = Some(receipt);
        if batch.receipts.iter().any(Option::is_none) {
            return None;
        }
        let Batch { whole, receipts } = self.open.remove(&number)?;
        let mut receipts: Vec<Receipt> = receipts.into_iter().flatten().collect();
        if receipts.iter().map(Receipt::ids).sum::<usize>() > BATCH_IDS_MAX {
            receipts.iter_mut().for_each(Receipt::cut);
        }
        Some((whole, receipts))
    }
}

impl Replica {
    /// How many stations there are, this one included.
    pub(super) fn members(&self) -> usize {
        self.other_members().count() + 1
    }

    /// The other stations.
    pub(super) fn other_members(&self) -> impl Iterator<Item = &NodeId> {
        self.config.peers.iter().filter(|peer| **peer != self.config.station)
    }

    /// What a client's terms come to at this station.
    pub(super) fn agree(&self, now: Now, ticket: Ticket, terms: &Terms) -> Result<Asker, RequestError> {
        if !(1..=DEADLINE_MS_MAX).contains(&terms.deadline_ms) {
            return Err(RequestError::InvalidDeadline(terms.deadline_ms));
        }
        let n = self.members();
        let w = match terms.copies {
            Copies::Count(w) => usize::from(w),
            Copies::Majority => n / 2 + 1,
        };
        if !(1..=n).contains(&w) {
            return Err(RequestError::InvalidCopies { w: narrow(w), n: narrow(n) });
        }
        Ok(Asker {
            to: To::Client(ticket),
            wants_token: terms.session.is_some(),
            w,
            asked_at: now.mono,
            patience: Duration::from_millis(u64::from(terms.deadline_ms)),
        })
    }

    /// Answers, with what this station shows as the session's next token.
    pub(super) fn reply(&self, step: &mut Step<'_>, asker: Asker, response: Response) {
        let To::Client(ticket) = asker.to else { return };
        let token = self.token_for(asker);
        step.push(Effect::Reply { ticket, token, response });
    }

    /// The next token of a session: everything this station shows.
    pub(super) fn token_for(&self, asker: Asker) -> Option<VersionVector> {
        let shown = || match planted(Bug::TokenForgets) {
            true => VersionVector::new(),
            false => self.ledger.visible().clone(),
        };
        asker.wants_token.then(shown)
    }

    /// Gives a receipt, or keeps it until the rest of its batch is there.
    pub(super) fn give_receipt(&mut self, step: &mut Step<'_>, asker: Asker, receipt: Receipt) {
        match asker.to {
            To::Client(_) => self.reply(step, asker, Response::Written(receipt)),
            To::Batch { number, index } => {
                if let Some((whole, receipts)) = self.batches.take(number, index, receipt) {
                    self.reply(step, whole, Response::BatchWritten(receipts));
                }
            }
        }
    }
}

/// A number of stations as it travels.
pub(super) fn narrow(stations: usize) -> u16 {
    u16::try_from(stations).unwrap_or(u16::MAX)
}
