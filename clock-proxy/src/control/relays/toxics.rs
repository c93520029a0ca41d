//! The director at work on toxics: each is a rule beside all others, on one flow of its relay.

use std::sync::Arc;

use super::super::director::Director;
use super::{Relay, RelayError, TOXICS_MAX, ToxicPatch, ToxicWish};
use crate::rule::{Change, ChangeKind, NewRule, Owner, Place, RuleId, Toxic};

impl Director {
    pub(super) async fn add_toxic(&mut self, relay: &str, wish: ToxicWish) -> Result<String, RelayError> {
        let relay = self.registry.find(relay).cloned().ok_or(RelayError::UnknownRelay)?;
        let known = relay.facts(&self.book.rules).toxics;
        if known.iter().any(|toxic| toxic.name == wish.name) {
            return Err(RelayError::ToxicExists);
        }
        if known.len() >= TOXICS_MAX {
            return Err(RelayError::TooMany { what: "toxics of a proxy", max: TOXICS_MAX });
        }
        self.enter_toxic(&relay, wish);
        self.bring_into_force(Vec::new()).await?;
        Ok(relay.name.clone())
    }

    pub(super) async fn update_toxic(
        &mut self,
        relay: &str,
        name: &str,
        patch: &ToxicPatch,
    ) -> Result<String, RelayError> {
        let (rule, toxic) = self.toxic(relay, name)?;
        let mut toxic = Toxic::clone(&toxic);
        toxic.kind.overlay(&mut toxic.attributes, &patch.attributes)?;
        toxic.toxicity = patch.toxicity.unwrap_or(toxic.toxicity);
        let (fault, guard, text) = (toxic.fault(), toxic.guard(), toxic.text());
        let kind = ChangeKind::Update { rule, fault, guard, owner: Owner::Toxic(Arc::new(toxic)) };
        self.book.apply(&Change { kind, text }, self.epoch + 1);
        self.bring_into_force(Vec::new()).await?;
        Ok(relay.to_owned())
    }

    pub(super) async fn remove_toxic(&mut self, relay: &str, name: &str) -> Result<String, RelayError> {
        let (rule, toxic) = self.toxic(relay, name)?;
        self.end(vec![rule], &toxic.text());
        self.bring_into_force(Vec::new()).await?;
        Ok(relay.to_owned())
    }

    pub(super) fn remove_all_toxics(&mut self) {
        let is_toxic = |owner: &Owner| matches!(owner, Owner::Toxic(_));
        let rules = self.book.rules.iter().filter(|rule| is_toxic(&rule.owner)).map(|rule| rule.id).collect();
        self.end(rules, "reset");
    }

    fn end(&mut self, rules: Vec<RuleId>, text: &str) {
        let change = Change { kind: ChangeKind::Remove(rules), text: text.to_owned() };
        self.book.apply(&change, self.epoch + 1);
    }

    /// The rule of the next epoch that a toxic is.
    pub(super) fn enter_toxic(&mut self, relay: &Relay, wish: ToxicWish) {
        let toxic = Toxic {
            relay: relay.name.clone(),
            name: wish.name,
            kind: wish.kind,
            stream: wish.stream,
            stream_text: wish.stream_text,
            toxicity: wish.toxicity,
            attributes: wish.attributes,
        };
        let (text, flows) = (toxic.text(), vec![relay.flow(toxic.stream)]);
        let (fault, guard) = (toxic.fault(), toxic.guard());
        let owner = Owner::Toxic(Arc::new(toxic));
        let rule = NewRule { flows, fault, guard, place: Place::Beside, owner };
        self.book.apply(&Change { kind: ChangeKind::Add(rule), text }, self.epoch + 1);
    }

    fn toxic(&self, relay: &str, name: &str) -> Result<(RuleId, Arc<Toxic>), RelayError> {
        self.registry.find(relay).ok_or(RelayError::UnknownRelay)?;
        let found = self.book.rules.iter().find_map(|rule| match &rule.owner {
            Owner::Toxic(toxic) if toxic.relay == relay && toxic.name == name => {
                Some((rule.id, Arc::clone(toxic)))
            }
            Owner::Toxic(_) | Owner::Command => None,
        });
        found.ok_or(RelayError::UnknownToxic)
    }
}
