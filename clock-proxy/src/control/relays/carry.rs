//! The director at work on relays.

use std::net::SocketAddr;
use std::sync::Arc;

use tracing::{info, warn};

use super::super::director::Director;
use super::super::fleet::Bound;
use super::listen::{Listen, ListenError};
use super::{RELAYS_MAX, Relay, RelayError, RelayOrder, RelayOutcome, RelayPatch, RelayWish};
use crate::topology::{Framing, LinkSpec, Upstream};

/// Listeners that are open, and accept as soon as the names and rules of their relays are in force.
type Opened = Vec<(LinkSpec, Bound)>;

impl Director {
    /// Carries out one order.
    pub(in super::super) async fn handle_relay_order(&mut self, order: RelayOrder) -> RelayOutcome {
        self.book.now = tokio::time::Instant::now();
        let done = match order {
            RelayOrder::Populate(wishes) => return self.populate(wishes).await,
            RelayOrder::Create(wish) => self.create(wish).await,
            RelayOrder::Update { relay, patch } => self.update(&relay, patch).await,
            RelayOrder::Delete { relay } => self.delete(&relay).await,
            RelayOrder::AddToxic { relay, toxic } => self.add_toxic(&relay, toxic).await,
            RelayOrder::UpdateToxic { relay, toxic, patch } => {
                self.update_toxic(&relay, &toxic, &patch).await
            }
            RelayOrder::RemoveToxic { relay, toxic } => self.remove_toxic(&relay, &toxic).await,
            RelayOrder::Reset => self.reset().await,
        };
        match done {
            Ok(name) => self.outcome(&[name], None),
            Err(error) => RelayOutcome { error: Some(error), ..RelayOutcome::default() },
        }
    }

    fn outcome(&self, names: &[String], error: Option<RelayError>) -> RelayOutcome {
        let facts = |name: &String| Some(self.registry.find(name)?.facts(&self.book.rules));
        RelayOutcome { relays: names.iter().filter_map(facts).collect(), error }
    }

    async fn create(&mut self, wish: RelayWish) -> Result<String, RelayError> {
        if self.registry.find(&wish.name).is_some() {
            return Err(RelayError::RelayExists);
        }
        let mut opened = Opened::new();
        let name = self.add(wish, &mut opened).await?;
        self.bring_into_force(opened).await?;
        Ok(name)
    }

    async fn populate(&mut self, wishes: Vec<RelayWish>) -> RelayOutcome {
        let (mut opened, mut names, mut error) = (Opened::new(), Vec::new(), None);
        for wish in wishes {
            match self.put(wish, &mut opened).await {
                Ok(name) => names.push(name),
                Err(refusal) => {
                    error = Some(refusal);
                    break;
                }
            }
        }
        let late = self.bring_into_force(opened).await.err();
        self.outcome(&names, error.or(late))
    }

    /// Makes a relay, or replaces the one of its name, unless that has the same addresses.
    async fn put(&mut self, wish: RelayWish, opened: &mut Opened) -> Result<String, RelayError> {
        let Some(known) = self.registry.find(&wish.name).cloned() else {
            return self.add(wish, opened).await;
        };
        if !known.is_moved_by(Some(&wish.listen), Some(&wish.upstream)) {
            return Ok(known.name.clone());
        }
        if known.is_pair {
            return Err(RelayError::IsPair(wish.name));
        }
        let bound = match wish.is_enabled {
            true => Some(self.open_instead_of(&known, &wish.listen).await?),
            false => None,
        };
        self.discard(&known).await;
        Ok(self.enter(wish, bound, opened))
    }

    async fn add(&mut self, wish: RelayWish, opened: &mut Opened) -> Result<String, RelayError> {
        if self.book.directory.node(&wish.name).is_some() || wish.name == crate::directory::CLIENT {
            return Err(RelayError::NameTaken(wish.name));
        }
        if self.registry.raw_count() >= RELAYS_MAX {
            return Err(RelayError::TooMany { what: "proxies", max: RELAYS_MAX });
        }
        let bound = match wish.is_enabled {
            true => Some(wish.listen.open().await?),
            false => None,
        };
        Ok(self.enter(wish, bound, opened))
    }

    /// Gives a relay its names, flows and toxics. From here on nothing can fail.
    fn enter(&mut self, wish: RelayWish, bound: Option<Bound>, opened: &mut Opened) -> String {
        let directory = Arc::make_mut(&mut self.book.directory);
        let (from, to) = directory.add_raw(&wish.name, address_to_dial(&wish.upstream));
        let flows = directory.flow(from, to).zip(directory.flow(to, from));
        // A node that has just been added has its flows.
        let Some((up, down)) = flows else { return wish.name };
        let relay = Relay {
            name: wish.name,
            listen: wish.listen,
            upstream: wish.upstream,
            is_enabled: false,
            is_pair: false,
            from,
            to,
            framing: Framing::Raw,
            up,
            down,
        };
        for toxic in wish.toxics {
            self.enter_toxic(&relay, toxic);
        }
        info!(relay = relay.name, listen = ?bound.as_ref().map(|bound| bound.listen), "relay made");
        let name = relay.name.clone();
        self.set(relay, bound, opened);
        name
    }

    /// Notes a relay as it is from now on; it is enabled if it listens.
    fn set(&mut self, mut relay: Relay, bound: Option<Bound>, opened: &mut Opened) {
        relay.is_enabled = bound.is_some();
        if let Some(bound) = bound {
            relay.listen = Listen::at(bound.listen);
            opened.push((relay.spec(bound.listen), bound));
        }
        self.registry.put(relay);
    }

    /// Opens the new address of a relay while the old one still listens, unless they are in each other's way.
    async fn open_instead_of(&mut self, known: &Relay, listen: &Listen) -> Result<Bound, ListenError> {
        let port = |listen: &Listen| listen.address.as_ref().ok().map(SocketAddr::port);
        let is_in_the_way = known.is_enabled && port(&known.listen) == port(listen);
        if !is_in_the_way {
            return listen.open().await;
        }
        self.fleet.stop(known.up).await;
        let bound = listen.open().await;
        if bound.is_err() {
            self.reopen(known).await;
        }
        bound
    }

    /// Opens what was closed a moment ago. Its rules and names are in force all the while.
    async fn reopen(&mut self, known: &Relay) {
        let mut opened = Opened::new();
        let bound = known.listen.open().await;
        if let Err(error) = &bound {
            warn!(relay = known.name, %error, "a relay could not be opened again and is disabled");
        }
        self.set(known.clone(), bound.ok(), &mut opened);
        self.fleet.start(opened);
        self.registry.announce();
    }

    async fn update(&mut self, name: &str, patch: RelayPatch) -> Result<String, RelayError> {
        let known = self.registry.find(name).cloned().ok_or(RelayError::UnknownRelay)?;
        let is_moved = known.is_moved_by(patch.listen.as_ref(), patch.upstream.as_ref());
        if is_moved && known.is_pair {
            return Err(RelayError::IsPair(known.name.clone()));
        }
        let is_enabled = patch.is_enabled.unwrap_or(known.is_enabled);
        if is_enabled == known.is_enabled && !is_moved {
            return Ok(known.name.clone());
        }
        let mut relay = Relay::clone(&known);
        // An address that means the same is not taken over: the real one is shown.
        relay.listen = patch.listen.filter(|listen| known.is_elsewhere(listen)).unwrap_or(relay.listen);
        relay.upstream = patch.upstream.unwrap_or(relay.upstream);
        let bound = match is_enabled {
            true => Some(self.open_instead_of(&known, &relay.listen).await?),
            false => None,
        };
        self.fleet.stop(known.up).await;
        if relay.upstream != known.upstream {
            let directory = Arc::make_mut(&mut self.book.directory);
            directory.set_upstream(relay.to, address_to_dial(&relay.upstream));
        }
        let mut opened = Opened::new();
        self.set(relay, bound, &mut opened);
        self.bring_into_force(opened).await?;
        Ok(known.name.clone())
    }

    async fn delete(&mut self, name: &str) -> Result<String, RelayError> {
        let known = self.registry.find(name).cloned().ok_or(RelayError::UnknownRelay)?;
        if known.is_pair {
            return Err(RelayError::IsPair(known.name.clone()));
        }
        self.discard(&known).await;
        self.bring_into_force(Opened::new()).await?;
        info!(relay = name, "relay deleted");
        Ok(name.to_owned())
    }

    /// Closes a relay and forgets everything about it.
    async fn discard(&mut self, known: &Relay) {
        self.fleet.stop(known.up).await;
        let gone = Arc::make_mut(&mut self.book.directory).remove(known.to);
        self.book.forget(&gone);
        self.registry.remove(&known.name);
    }

    async fn reset(&mut self) -> Result<String, RelayError> {
        let disabled: Vec<Arc<Relay>> =
            self.registry.all().filter(|relay| !relay.is_enabled).cloned().collect();
        let mut bounds = Vec::new();
        for relay in &disabled {
            bounds.push(relay.listen.open().await?);
        }
        self.remove_all_toxics();
        let mut opened = Opened::new();
        for (relay, bound) in disabled.iter().zip(bounds) {
            self.set(Relay::clone(relay), Some(bound), &mut opened);
        }
        self.bring_into_force(opened).await?;
        Ok(String::new())
    }

    /// Publishes names and rules, then accepts, then shows it to everybody.
    pub(super) async fn bring_into_force(&mut self, opened: Opened) -> Result<(), RelayError> {
        self.epoch += 1;
        let is_in_force = self.publish(Vec::new()).await;
        self.fleet.start(opened);
        self.registry.announce();
        if is_in_force { Ok(()) } else { Err(RelayError::Unconfirmed) }
    }
}

impl Relay {
    /// Whether it would have to be opened anew. An address that means the same as the present one is no reason.
    fn is_moved_by(&self, listen: Option<&Listen>, upstream: Option<&String>) -> bool {
        listen.is_some_and(|listen| self.is_elsewhere(listen))
            || upstream.is_some_and(|upstream| *upstream != self.upstream)
    }

    fn is_elsewhere(&self, listen: &Listen) -> bool {
        listen.text != self.listen.text && (listen.address.is_err() || listen.address != self.listen.address)
    }
}

/// `:80` is this machine, as in Go. What is no address at all is kept, and refused when it is dialled.
fn address_to_dial(upstream: &str) -> Option<Upstream> {
    let text = if upstream.starts_with(':') { format!("localhost{upstream}") } else { upstream.to_owned() };
    text.parse().ok()
}
