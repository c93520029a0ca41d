//! Rules that end by themselves (`for=2s`): deadlines as data, kept by the director.

use std::collections::BTreeSet;

use tokio::time::Instant;

use crate::rule::{Change, ChangeKind, RuleId, Verdict};

/// When which rule ends. A rule that has ended before its time is not looked for: removing it again does nothing.
#[derive(Debug, Default)]
pub(super) struct Expiries(BTreeSet<(Instant, RuleId)>);

impl Expiries {
    /// Notes when the rule of this change ends, if it does. `now` is when it came into force.
    pub(super) fn note(&mut self, change: &Change, verdict: &Verdict, now: Instant) {
        let lasts = match &change.kind {
            ChangeKind::Add(new) => new.guard.lasts,
            ChangeKind::Update { guard, .. } => guard.lasts,
            _ => None,
        };
        if let Some((rule, lasts)) = verdict.rule.zip(lasts) {
            self.0.retain(|(_, known)| *known != rule);
            self.0.insert((now + lasts, rule));
        }
    }

    /// The next deadline.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.first().map(|(deadline, _)| *deadline)
    }

    /// The change that ends every rule whose time is up, if there is one.
    pub(super) fn due(&mut self, now: Instant) -> Option<Change> {
        let mut rules = Vec::new();
        while let Some((deadline, rule)) = self.0.first().copied().filter(|(deadline, _)| *deadline <= now) {
            self.0.remove(&(deadline, rule));
            rules.push(rule);
        }
        let text = || rules.iter().map(|rule| format!("rm {}", rule.0)).collect::<Vec<_>>().join("; ");
        (!rules.is_empty()).then(|| Change { text: text(), kind: ChangeKind::Remove(rules.clone()) })
    }
}
