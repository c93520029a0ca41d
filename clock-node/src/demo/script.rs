//! The plot, step by step; each step waits for what it needs and fails if that does not come.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use clock_core::replica::ConflictId;
use clock_core::wire::{Choice, Receipt, Request, Response, VersionView, WriteContext};
use clock_core::{BodyKind, Dot, Key, NodeId, RequestId};
use serde_json::json;
use tokio::time::sleep;

use super::watchers::Watchers;
use super::{DemoError, Narrator, elements, station};
use crate::launch::ProxyControl;
use crate::net::client::{Client, ClientError};
use crate::view::{self, utc};

/// How long anything may take to arrive: the longest reconnect delay of a station left on its defaults, and more.
const PATIENCE: Duration = Duration::from_secs(45);
/// How long a station may take to answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);
/// How much later the newer update is made. Less than the clock error, or the incident would not have happened.
const NEWER_BY: Duration = Duration::from_millis(200);

const BEFORE: &str = "1,0,0,0";
const STALE: &str = "0.9659,0.2588,0,0";
const NEWER: &str = "0.7071,0,0.7071,0";

/// The play and its cast.
pub(super) struct Incident {
    clients: BTreeMap<NodeId, Client>,
    watchers: Watchers,
    key: Key,
}

impl Incident {
    /// Connects to every station twice: to ask, and to watch.
    pub(super) async fn prepare(
        cluster: NodeId,
        addresses: BTreeMap<NodeId, String>,
        narrator: &mut Narrator,
    ) -> Result<Self, DemoError> {
        narrator.chapter(
            "Incident CN-2604-001: one attitude, two writers that cannot hear each other, one wrong clock",
        )?;
        let (mut clients, mut watched) = (BTreeMap::new(), Vec::new());
        for (name, address) in &addresses {
            let mut client = Client::connect(address, &cluster, ANSWER_PATIENCE).await?;
            let status = client.status().await?;
            let text = format!("online at {address}, its clock shows {}", utc(status.wall_ms));
            narrator.event(
                narrator.started().elapsed(),
                "online",
                name.as_str(),
                &text,
                json!({ "address": address, "wall_ms": status.wall_ms }),
            )?;
            clients.insert(name.clone(), client);
            watched.push((name.clone(), Client::connect(address, &cluster, ANSWER_PATIENCE).await?));
        }
        let watchers = Watchers::start(watched, narrator.started()).await?;
        let key = Key::new("MSS-17/attitude").expect("the story's key is valid");
        Ok(Self { clients, watchers, key })
    }

    pub(super) async fn play(
        mut self,
        proxy: &mut ProxyControl,
        narrator: &mut Narrator,
    ) -> Result<(), DemoError> {
        proxy.command("heal").await?;
        self.load_elements(narrator).await?;
        narrator.chapter("All four stations agree on the attitude of MSS-17")?;
        let before = self.put("antarctic", BEFORE, narrator).await?;
        self.until_everywhere(&before.dot, narrator).await?;

        let partition = "partition pacific,atlantic | indian_ocean,antarctic";
        narrator.chapter(
            "The network breaks: pacific and atlantic on one side, indian_ocean and antarctic on the other",
        )?;
        proxy.command(partition).await?;
        let stale = self.put("pacific", STALE, narrator).await?;
        sleep(NEWER_BY).await;
        let newer = self.put("indian_ocean", NEWER, narrator).await?;
        self.check_sides(&stale, &newer, narrator).await?;

        narrator.chapter("The network heals")?;
        proxy.command("heal").await?;
        let conflict = self.until_conflict(&stale.dot, &newer.dot, narrator).await?;
        self.check_values(conflict, narrator).await?;
        tell_last_writer_wins(&stale, &newer, narrator)?;

        narrator.chapter("Somebody who can judge decides: antarctic takes indian_ocean's update")?;
        let resolution = self.resolve("antarctic", conflict, &newer.dot, narrator).await?;
        self.until_everywhere(&resolution.dot, narrator).await?;
        self.check_resolved(narrator).await?;
        narrator.remark(&format!(
            "\nThe incident took {:.1} s and destroyed nothing.",
            self.watchers.elapsed().as_secs_f64()
        ))
    }

    fn client(&mut self, name: &str) -> Result<&mut Client, DemoError> {
        let missing = || DemoError::Disproved {
            claim: "the cast".to_owned(),
            expected: name.to_owned(),
            got: "no such station".to_owned(),
        };
        self.clients.get_mut(&station(name)).ok_or_else(missing)
    }

    async fn load_elements(&mut self, narrator: &mut Narrator) -> Result<(), DemoError> {
        let mut dots = Vec::new();
        for (key, lines) in elements::all() {
            dots.push(self.write("atlantic", key, (BodyKind::TLE, lines)).await?.dot);
        }
        let written = self.watchers.elapsed();
        let stations: Vec<NodeId> = self.clients.keys().cloned().collect();
        let everywhere = |seen: &Watchers| {
            stations.iter().all(|name| dots.iter().all(|dot| seen.applied(name, dot).is_some()))
        };
        self.watchers.until("every element set on every station", PATIENCE, everywhere).await?;
        let took = self.watchers.elapsed().saturating_sub(written);
        let text =
            format!("{} real element sets, on all four stations {} ms later", dots.len(), took.as_millis());
        narrator.event(written, "loaded", "atlantic", &text, json!({ "count": dots.len() }))
    }

    async fn write(
        &mut self,
        name: &str,
        key: Key,
        (kind, value): (BodyKind, Bytes),
    ) -> Result<Receipt, DemoError> {
        let request = RequestId(fastrand::u128(..));
        let put = Request::Put { key, kind, value, context: WriteContext::StationView, request };
        receipt(self.client(name)?.request(put).await?, name)
    }

    async fn put(
        &mut self,
        name: &str,
        value: &'static str,
        narrator: &mut Narrator,
    ) -> Result<Receipt, DemoError> {
        let body = (BodyKind::ATTITUDE, Bytes::from_static(value.as_bytes()));
        let receipt = self.write(name, self.key.clone(), body).await?;
        self.tell_write("wrote", name, value, &receipt, narrator)?;
        Ok(receipt)
    }

    fn tell_write(
        &self,
        what: &str,
        name: &str,
        value: &str,
        receipt: &Receipt,
        narrator: &mut Narrator,
    ) -> Result<(), DemoError> {
        let Receipt { dot, lamport, vector, wall_ms, .. } = receipt;
        let text = format!(
            "{value}  as {dot:#}  lamport {lamport}  vector {vector:#}  wall clock {}",
            clock_time(*wall_ms)
        );
        narrator.event(
            self.watchers.elapsed(),
            what,
            name,
            &text,
            json!({ "value": value, "receipt": view::receipt_json(receipt) }),
        )
    }

    /// Waits until every station shows a write, and tells when each did.
    async fn until_everywhere(&mut self, dot: &Dot, narrator: &mut Narrator) -> Result<(), DemoError> {
        let stations: Vec<NodeId> = self.clients.keys().cloned().collect();
        let everywhere = |seen: &Watchers| stations.iter().all(|name| seen.applied(name, dot).is_some());
        self.watchers.until(&format!("{dot} on every station"), PATIENCE, everywhere).await?;
        let mut arrivals: Vec<_> =
            stations.iter().filter_map(|name| Some((name, self.watchers.applied(name, dot)?))).collect();
        arrivals.sort_by_key(|(_, (at, _))| *at);
        for (name, (at, applied)) in arrivals {
            let Some(via) = &applied.via else { continue };
            let text = format!("{dot:#} via {via}");
            narrator.event(at, "arrived", name.as_str(), &text, view::applied_json(applied))?;
        }
        Ok(())
    }

    /// While the network is cut, each writer's own side sees its update, and only that.
    async fn check_sides(
        &mut self,
        stale: &Receipt,
        newer: &Receipt,
        narrator: &mut Narrator,
    ) -> Result<(), DemoError> {
        for (name, own) in [("atlantic", stale), ("antarctic", newer)] {
            let witness = station(name);
            let shown = |seen: &Watchers| seen.applied(&witness, &own.dot).is_some();
            self.watchers
                .until(&format!("{} at {name}, on its side of the partition", own.dot), PATIENCE, shown)
                .await?;
        }
        for (name, value) in
            [("pacific", STALE), ("atlantic", STALE), ("indian_ocean", NEWER), ("antarctic", NEWER)]
        {
            let versions = self.versions(name).await?.1;
            expect(
                &format!("{name} during the partition"),
                &BTreeSet::from([value.to_owned()]),
                &values(&versions),
            )?;
        }
        narrator.remark("            (each side shows its own update alone: both were accepted, neither waits for the other)")
    }

    async fn versions(&mut self, name: &str) -> Result<(Option<ConflictId>, Vec<VersionView>), DemoError> {
        let key = self.key.clone();
        let entry = self.client(name)?.get(&key).await?;
        Ok(entry.map(|entry| (entry.conflict, entry.versions)).unwrap_or_default())
    }

    /// Waits until every station reports the two writes as one and the same conflict.
    async fn until_conflict(
        &mut self,
        stale: &Dot,
        newer: &Dot,
        narrator: &mut Narrator,
    ) -> Result<ConflictId, DemoError> {
        let (expected, key, count) = (ConflictId::of([stale, newer]), self.key.clone(), self.clients.len());
        let agreed = |seen: &Watchers| {
            let open = seen.open_conflicts(&key);
            open.len() == count && open.values().all(|(_, id)| *id == expected)
        };
        let what = format!("conflict {expected} of {stale} and {newer} on every station");
        self.watchers.until(&what, PATIENCE, agreed).await?;
        let mut reports: Vec<_> = self.watchers.open_conflicts(&key).into_iter().collect();
        reports.sort_by_key(|(_, (at, _))| *at);
        for (name, (at, id)) in reports {
            let dot = if name.as_str() == "pacific" || name.as_str() == "atlantic" { newer } else { stale };
            if let Some((arrived, applied)) = self.watchers.applied(&name, dot)
                && let Some(via) = &applied.via
            {
                narrator.event(
                    arrived,
                    "arrived",
                    name.as_str(),
                    &format!("{dot:#} via {via}"),
                    view::applied_json(applied),
                )?;
            }
            let text = format!("{id}: {stale:#} and {newer:#} are CONCURRENT, both kept");
            narrator.event(at, "CONFLICT", name.as_str(), &text, json!({ "conflict": id.to_string() }))?;
        }
        narrator
            .pass("all four stations report the same conflict id, whichever update reached them first")?;
        Ok(expected)
    }

    async fn check_values(&mut self, conflict: ConflictId, narrator: &mut Narrator) -> Result<(), DemoError> {
        let both = BTreeSet::from([STALE.to_owned(), NEWER.to_owned()]);
        for name in super::STATIONS {
            let (reported, versions) = self.versions(name).await?;
            expect(&format!("values at {name} after healing"), &both, &values(&versions))?;
            expect(&format!("conflict at {name}"), &Some(conflict), &reported)?;
        }
        narrator.pass("both values are readable on all four stations; neither side picked a winner")
    }

    async fn resolve(
        &mut self,
        name: &str,
        conflict: ConflictId,
        take: &Dot,
        narrator: &mut Narrator,
    ) -> Result<Receipt, DemoError> {
        let resolve = Request::Resolve {
            conflict,
            choice: Choice::Take(take.clone()),
            request: RequestId(fastrand::u128(..)),
        };
        let receipt = receipt(self.client(name)?.request(resolve).await?, name)?;
        self.tell_write("resolved", name, NEWER, &receipt, narrator)?;
        Ok(receipt)
    }

    async fn check_resolved(&mut self, narrator: &mut Narrator) -> Result<(), DemoError> {
        let key = self.key.clone();
        self.watchers
            .until("the end of the conflict on every station", PATIENCE, |seen| {
                seen.open_conflicts(&key).is_empty()
            })
            .await?;
        let newer = BTreeSet::from([NEWER.to_owned()]);
        for name in super::STATIONS {
            let (conflict, versions) = self.versions(name).await?;
            expect(&format!("value at {name} after the resolution"), &newer, &values(&versions))?;
            expect(&format!("conflict at {name} after the resolution"), &None, &conflict)?;
        }
        narrator
            .pass("one resolution ended the conflict on all four stations; both updates stay in the history")
    }
}

/// What the old catalog would have done with these two updates.
fn tell_last_writer_wins(stale: &Receipt, newer: &Receipt, narrator: &mut Narrator) -> Result<(), DemoError> {
    let destroyed = |kept: &Receipt, lost: &Receipt| {
        format!(
            "larger timestamp wins: keeps {:#} ({}), destroys {:#} ({})",
            kept.dot,
            clock_time(kept.wall_ms),
            lost.dot,
            clock_time(lost.wall_ms)
        )
    };
    if stale.wall_ms <= newer.wall_ms {
        let got = format!("pacific {} and indian_ocean {}", utc(stale.wall_ms), utc(newer.wall_ms));
        return Err(DemoError::Disproved {
            claim: "pacific's clock runs ahead".to_owned(),
            expected: "a later timestamp on pacific's earlier update".to_owned(),
            got,
        });
    }
    narrator.chapter("What the old catalog would have done")?;
    narrator.remark(&format!("  {}", destroyed(stale, newer)))?;
    narrator.remark(&format!(
        "  although indian_ocean's update was made {} ms later: the newer attitude would be gone.",
        NEWER_BY.as_millis()
    ))
}

fn receipt(response: Response, name: &str) -> Result<Receipt, DemoError> {
    match response {
        Response::Written(receipt) => Ok(receipt),
        _ => Err(ClientError::Unexpected { address: name.to_owned() }.into()),
    }
}

fn values(versions: &[VersionView]) -> BTreeSet<String> {
    versions.iter().map(|version| view::value_text(version.kind, &version.value)).collect()
}

fn expect<T: PartialEq + std::fmt::Debug>(claim: &str, expected: &T, got: &T) -> Result<(), DemoError> {
    if expected == got {
        return Ok(());
    }
    Err(DemoError::Disproved {
        claim: claim.to_owned(),
        expected: format!("{expected:?}"),
        got: format!("{got:?}"),
    })
}

/// The time of day of a timestamp.
fn clock_time(wall_ms: u64) -> String {
    let full = utc(wall_ms);
    full.split_once('T').map_or(full.clone(), |(_, time)| time.trim_end_matches('Z').to_owned())
}
