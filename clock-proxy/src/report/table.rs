//! The same answers for people.

use std::net::SocketAddr;

use comfy_table::Table;
use comfy_table::presets::NOTHING;

use super::{Output, Snapshot, micros};
use crate::control::ScenarioFacts;
use crate::journal::Account;
use crate::rule::RuleId;

/// The text behind `ok`.
pub(super) fn text(output: &Output) -> String {
    match output {
        Output::Changed { epoch, verdict, took } => {
            let rule = verdict.rule.map_or_else(String::new, |rule| format!("rule {}, ", rule.0));
            format!("{rule}{} flows, epoch {epoch}, in force after {} us", verdict.flows, micros(*took))
        }
        Output::Shown(snapshot) => snapshot_text(snapshot),
        Output::Waited(waited) => format!("{} after {:.1?}", waited.count, waited.took),
        Output::Expected(number) => format!("the number is {number}"),
        Output::Paused => String::new(),
        Output::Reloaded(changed) => format!(
            "{} rules added, {} ended; {} nodes moved; {} relays made, {} removed",
            changed.rules_added,
            changed.rules_ended,
            changed.nodes_moved,
            changed.relays_made,
            changed.relays_removed
        ),
        Output::Saved(saved) => format!("{} rules written, {} left out", saved.rules, saved.left_out),
        Output::Started(started) => format!("{} steps in {:.1?}", started.steps, started.duration),
        Output::Scenario(facts) => facts.as_ref().map_or_else(|| "no scenario".to_owned(), scenario_text),
        Output::Plan(lines) => format!("\n{}", lines.join("\n")),
        Output::Marked(text) => format!("marked {text}"),
        Output::Echo(text) => text.clone(),
        Output::Explained(accounts) => accounts.iter().map(account).collect::<Vec<_>>().join("\n"),
        Output::Ping => String::new(),
        Output::Version => concat!("clock-proxy ", env!("CARGO_PKG_VERSION")).to_owned(),
        Output::Help(topics) => {
            let rows = topics.iter().map(|topic| vec![topic.usage.to_owned(), topic.meaning.to_owned()]);
            format!("\n{}", table(&["command", "meaning"], rows))
        }
        Output::Quit(code) => format!("exit code {code}"),
    }
}

fn account(account: &Account) -> String {
    let Account { flow, conn, frame, why, events, .. } = account;
    let events = events.iter().map(|event| format!("\n  {event}")).collect::<String>();
    format!("{flow} on {conn}, frame {frame}: {}, {why}{events}", account.verdict.text())
}

/// The listeners of the ready line.
pub(crate) fn links_table<'a>(links: impl IntoIterator<Item = (&'a String, &'a SocketAddr)>) -> String {
    let rows = links.into_iter().map(|(link, listen)| vec![link.clone(), listen.to_string()]);
    table(&["link", "listen"], rows)
}

fn snapshot_text(snapshot: &Snapshot) -> String {
    let mut parts = vec![format!("epoch {}, seed {}", snapshot.epoch, snapshot.seed)];
    parts.extend(snapshot.nodes.as_ref().map(|nodes| {
        let upstream = |known: &Option<String>| known.clone().unwrap_or_else(|| "-".to_owned());
        table(&["node", "upstream"], nodes.iter().map(|n| vec![n.node.clone(), upstream(&n.upstream)]))
    }));
    parts.extend(snapshot.links.as_ref().map(|links| {
        let rows = links.iter().map(|l| {
            let listen = l.listen.to_string();
            vec![l.link.clone(), listen, l.state.to_owned(), rule_ids(&l.rules), l.conns.to_string()]
        });
        table(&["link", "listen", "state", "rules", "conns"], rows)
    }));
    parts.extend(snapshot.stats.as_ref().map(|stats| {
        let header = [
            "flow",
            "state",
            "frames",
            "bytes",
            "held",
            "held bytes",
            "waiting",
            "delayed",
            "reordered",
            "dropped",
            "duplicated",
            "corrupted",
            "desyncs",
            "refused",
        ];
        let rows = stats.iter().map(|s| {
            let numbers = [
                s.frames,
                s.bytes,
                s.held_frames,
                s.held_bytes,
                s.waiting_frames,
                s.delayed,
                s.reordered,
                s.dropped,
                s.duplicated,
                s.corrupted,
                s.desyncs,
                s.refused,
            ];
            let words = [s.flow.clone(), s.state.to_owned()];
            words.into_iter().chain(numbers.iter().map(u64::to_string)).collect()
        });
        table(&header, rows)
    }));
    parts.extend(snapshot.rules.as_ref().map(|rules| {
        let rows = rules.iter().map(|r| vec![r.rule.0.to_string(), r.text.clone(), r.flows.join(" ")]);
        table(&["rule", "command", "flows"], rows)
    }));
    parts.extend(snapshot.conns.as_ref().map(|conns| {
        let rows = conns.iter().map(|c| vec![c.conn.clone(), c.client.to_string(), c.phase.to_owned()]);
        table(&["conn", "client", "phase"], rows)
    }));
    parts.extend(snapshot.scenario.as_ref().map(scenario_text));
    parts.join("\n\n")
}

fn scenario_text(facts: &ScenarioFacts) -> String {
    let phase = format!("{:?}", facts.phase).to_lowercase();
    let error = facts.error.as_ref().map_or_else(String::new, |error| format!(": {error}"));
    format!("{}: {phase}, step {} of {}{error}", facts.name, facts.step, facts.steps)
}

fn rule_ids(rules: &[RuleId]) -> String {
    rules.iter().map(|rule| rule.0.to_string()).collect::<Vec<_>>().join(",")
}

fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header.to_vec());
    for row in rows {
        table.add_row(row);
    }
    table.trim_fmt()
}
