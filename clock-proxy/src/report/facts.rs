//! The state as plain values.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::oneshot;

use crate::command::Section;
use crate::control::{Desk, LinkFace, ScenarioFacts};
use crate::directory::{Directory, FlowId};
use crate::roster::ConnFacts;
use crate::rule::{Config, Rule, RuleId};
use crate::topology::Framing;

/// What `show` answers: all sections or one.
#[derive(Debug, Serialize)]
pub(crate) struct Snapshot {
    pub(crate) epoch: u64,
    pub(crate) seed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nodes: Option<Vec<NodeFacts>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) links: Option<Vec<LinkFacts>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stats: Option<Vec<StatFacts>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rules: Option<Vec<RuleFacts>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) conns: Option<Vec<ConnFacts>>,
    /// The scenario that runs, or the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scenario: Option<ScenarioFacts>,
}

#[derive(Debug, Serialize)]
pub(crate) struct NodeFacts {
    pub(crate) node: String,
    pub(crate) upstream: Option<String>,
    /// False for a raw relay and its client.
    pub(crate) station: bool,
}

/// One listener, with the flow it is named after.
#[derive(Debug, Serialize)]
pub(crate) struct LinkFacts {
    pub(crate) link: String,
    pub(crate) listen: SocketAddr,
    pub(crate) frame: Framing,
    /// `open`, or how the flow is cut.
    pub(crate) state: &'static str,
    pub(crate) rules: Vec<RuleId>,
    /// Connections with bytes of this flow, whichever side dialled.
    pub(crate) conns: u64,
}

/// Numbers of one flow. `held` and `waiting` are now, the others since the start.
#[derive(Debug, Serialize)]
pub(crate) struct StatFacts {
    pub(crate) flow: String,
    pub(crate) state: &'static str,
    pub(crate) conns: u64,
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
    /// Inside the proxy because the flow is cut.
    pub(crate) held_frames: u64,
    pub(crate) held_bytes: u64,
    /// Inside the proxy because of a delay, a reorder or a slow reader.
    pub(crate) waiting_frames: u64,
    pub(crate) waiting_bytes: u64,
    pub(crate) delayed: u64,
    pub(crate) reordered: u64,
    pub(crate) dropped: u64,
    pub(crate) duplicated: u64,
    pub(crate) corrupted: u64,
    pub(crate) desyncs: u64,
    pub(crate) refused: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct RuleFacts {
    pub(crate) rule: RuleId,
    pub(crate) text: String,
    /// The flows it still holds for.
    pub(crate) flows: Vec<String>,
}

impl Snapshot {
    pub(crate) async fn take(desk: &Desk, section: Section) -> Self {
        let wants = |part| section == Section::All || section == part;
        let conns = if wants(Section::Conns) { Some(conns(desk).await) } else { None };
        let directory = desk.directory();
        let config = desk.config();
        Self {
            epoch: config.epoch,
            seed: config.seed,
            nodes: wants(Section::Nodes).then(|| nodes(&directory)),
            links: wants(Section::Links)
                .then(|| desk.links().iter().map(|link| link_facts(&directory, &config, link)).collect()),
            stats: wants(Section::Stats)
                .then(|| directory.flows().map(|flow| stat(&directory, &config, flow)).collect()),
            rules: wants(Section::Rules).then(|| rules(&directory, &config)),
            conns,
            scenario: desk.scenario().filter(|_| wants(Section::Scenario)),
        }
    }
}

fn state(config: &Config, flow: FlowId) -> &'static str {
    config.policy(flow).cut.map_or("open", |mode| mode.name())
}

fn nodes(directory: &Directory) -> Vec<NodeFacts> {
    let facts = |node| NodeFacts {
        node: directory.name(node).to_owned(),
        upstream: directory.upstream(node).map(ToString::to_string),
        station: directory.is_station(node),
    };
    directory.nodes().map(facts).collect()
}

fn link_facts(directory: &Directory, config: &Config, link: &LinkFace) -> LinkFacts {
    LinkFacts {
        link: directory.flow_name(link.flow),
        listen: link.listen,
        frame: link.framing,
        state: state(config, link.flow),
        rules: config.policy(link.flow).rules.iter().map(|rule| rule.id).collect(),
        conns: directory.meter(link.flow).conns.value(),
    }
}

fn stat(directory: &Directory, config: &Config, flow: FlowId) -> StatFacts {
    let meter = directory.meter(flow);
    let queued = (meter.queued_frames.value(), meter.queued_bytes.value());
    let (held, waiting) = if config.policy(flow).is_open() { ((0, 0), queued) } else { (queued, (0, 0)) };
    StatFacts {
        flow: directory.flow_name(flow),
        state: state(config, flow),
        conns: meter.conns.value(),
        frames: meter.frames.value(),
        bytes: meter.bytes.value(),
        held_frames: held.0,
        held_bytes: held.1,
        waiting_frames: waiting.0,
        waiting_bytes: waiting.1,
        delayed: meter.delayed.value(),
        reordered: meter.reordered.value(),
        dropped: meter.dropped.value(),
        duplicated: meter.duplicated.value(),
        corrupted: meter.corrupted.value(),
        desyncs: meter.desyncs.value(),
        refused: meter.refused.value(),
    }
}

/// One number of one flow, by its key in `show stats`; 0 for a key that is none.
pub(crate) fn stat_number(config: &Config, flow: FlowId, number: &str) -> u64 {
    let facts = serde_json::to_value(stat(&config.directory, config, flow)).unwrap_or_default();
    facts.get(number).and_then(serde_json::Value::as_u64).unwrap_or(0)
}

fn rules(directory: &Directory, config: &Config) -> Vec<RuleFacts> {
    let facts = |rule: &Arc<Rule>| RuleFacts {
        rule: rule.id,
        text: rule.text.clone(),
        flows: rule.flows.iter().map(|flow| directory.flow_name(*flow)).collect(),
    };
    config.rules.iter().map(facts).collect()
}

/// Each link knows its own connections, so each is asked.
async fn conns(desk: &Desk) -> Vec<ConnFacts> {
    let mut all = Vec::new();
    for link in desk.links().iter() {
        let (reply, roster) = oneshot::channel();
        if link.rosters.send(reply).await.is_ok() {
            all.extend(roster.await.unwrap_or_default());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::STAT_NUMBERS;
    use crate::rule::RuleBook;

    #[test]
    fn every_number_that_can_be_expected_is_one_of_the_stats_and_none_is_left_out() {
        let mut directory = Directory::default();
        directory.add_station("a", None);
        directory.add_station("b", None);
        let book = RuleBook::new(1, Arc::new(directory));
        let (config, _retirement) = Config::new(0, &book, Vec::new());
        let flow = config.directory.flows().next().unwrap();
        let facts = serde_json::to_value(stat(&config.directory, &config, flow)).unwrap();
        let numbers = facts.as_object().unwrap().iter().filter(|(_, value)| value.is_u64());
        let mut numbers: Vec<&str> = numbers.map(|(key, _)| key.as_str()).collect();
        let mut known = STAT_NUMBERS.to_vec();
        numbers.sort_unstable();
        known.sort_unstable();
        assert_eq!(numbers, known);
    }
}
